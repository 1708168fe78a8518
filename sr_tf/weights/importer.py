"""Makes checkpoints from the weights of other programs."""
import os
from collections import namedtuple

import numpy as np

import models
from models.weights import shapes as shapes_of_weights
from sr_tf import checkpoint
from sr_tf.errors import UsageError, UserError
from sr_tf.scales import in_words
from sr_tf.version import versions
from sr_tf.weights import source

Imported = namedtuple('Imported', 'prefix model unused warnings')
Imported.__doc__ = """A checkpoint, its model, the file's names that went unused, and doubts."""


def import_weights(path, folder, model_name=None, scales=None, hyper_parameters=None):
    """Writes `folder/model.ckpt-0` from the weights in a file, and says what became of them.

    `model_name` and `scales` are checked against what the file holds; only where a network is the
    same at each scale do `scales` say more than the file. `hyper_parameters`, as `sr_tf.load` takes
    them, are for what shapes do not tell, such as BSRN's `recursions`.
    """
    _require_free(folder)
    found = source.read(path)
    recognised = _recognised(path, found, model_name)
    model = _completed(path, recognised, scales, hyper_parameters)
    constants = {'generator/' + name: value for name, value in model.constants.items()}
    warnings = _differences(found, constants)
    if model.input_is_enlarged and scales is None:
        warnings.append('the weights are the same at each scale: taken to be x%d; --scales says '
                        'otherwise' % model.scales[0])
    weights = _fitting(path, found, model)
    if found.colour_first:
        _put_colours_last(weights, model.shuffled())
    metadata = _metadata(model, path)
    prefix = checkpoint.save(dict(weights, **found.state), folder, metadata['step'], metadata)
    unused = [found.names[name] for name in found.weights
              if name not in weights and name not in constants]
    return Imported(prefix, model, found.unused + unused, warnings)


def _require_free(folder):
    kept = checkpoint.in_folder(folder)
    if kept:
        raise UserError('%s: holds a checkpoint already (%s); name another folder'
                        % (folder, os.path.basename(kept[-1])))


def _recognised(path, found, wanted):
    """The model that the weights are of, which must be the wanted one if any is."""
    shapes = {name: array.shape for name, array in found.weights.items()}
    for name in models.names():
        try:
            model = models.find(name).from_shapes(shapes)
        except (UsageError, ValueError) as error:
            raise _fits_nothing(path, name, error) from error
        if model is not None and wanted not in (None, name):
            raise UserError('%s: looks like %s and not like --model=%s' % (path, name, wanted))
        if model is not None:
            return model
    examples = [found.names[name] for name in found.weights]
    raise UserError('%s: looks like none of the models here (%s); it has %s' % (
        path, ', '.join(models.names()),
        ', '.join(examples[:3]) + ', ...' if examples else 'no weights of convolutions'))


def _fits_nothing(path, name, error):
    return UserError('%s: looks like %s, but its shapes fit no hyper-parameters: %s'
                     % (path, name, error))


def _completed(path, model, scales, hyper_parameters):
    """The model with what its shapes do not tell."""
    if not model.input_is_enlarged and scales not in (None, model.scales):
        raise UsageError('--scales=%s: %s is for %s' % (
            ','.join(map(str, scales)), path, in_words(model.scales)))
    return model.changed(hyper_parameters, scales)


def _differences(found, constants):
    return ['%s is not what the network here computes with instead; its pictures will differ'
            % found.names[name] for name, value in constants.items()
            if name in found.weights and not _is_close(found.weights[name], value)]


def _is_close(array, expected):
    # A float16 has three digits.
    return array.shape == expected.shape and np.allclose(array, expected, 1e-3, 1e-3)


def _fitting(path, found, model):
    """The weights of the model, which they fit exactly."""
    try:
        wanted = shapes_of_weights(model)
    except (UsageError, ValueError) as error:
        raise _fits_nothing(path, model.name(), error) from error
    # A weight too many in a layer of the network, or in one more such layer, is no weight to skip.
    layers = set(map(source.layer, wanted))
    weights = {name: array for name, array in found.weights.items() if source.layer(name) in layers}
    shapes = {name: array.shape for name, array in weights.items()}
    checkpoint.require_fit('%s (%s)' % (path, model.name()), shapes, wanted)
    return weights


def _put_colours_last(weights, shuffled):
    """Channels that become pixels from (colour, row, column) to (row, column, colour)."""
    for name, array in weights.items():
        scale = shuffled.get(name.rpartition('/')[0][len('generator/'):])
        if scale:
            colour_first = array.reshape(array.shape[:-1] + (-1, scale, scale))
            weights[name] = np.moveaxis(colour_first, -3, -1).reshape(array.shape)


def _metadata(model, path):
    return {
        'model': model.name(),
        'hyper_parameters': model.hyper_parameters,
        'scales': model.scales,
        'step': 0,
        'seed': None,
        'recipe': {},
        'versions': versions(),
        'score': None,
        'imported_from': os.path.basename(os.path.normpath(path)),
    }

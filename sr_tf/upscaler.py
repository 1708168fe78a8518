"""A trained network as a function of an image; what `sr_tf.load` returns."""
import numpy as np

import models
from sr_tf import checkpoint
from sr_tf.chips.session import Chip
from sr_tf.compat import tf
from sr_tf.errors import UsageError, UserError
from sr_tf.images import resize


def load(path, chip='auto', precision='auto', **hyper_parameters):
    """An `Upscaler` from a checkpoint: a run's folder, a prefix, or one of its files.

    `hyper_parameters` are needed only for checkpoints of other programs, where shapes do not tell
    them, such as BSRN's `recursions`.
    """
    if not isinstance(chip, Chip):
        chip = Chip(chip, precision)
    prefix = checkpoint.resolve(path)
    upscaler = Upscaler(read_model(prefix, hyper_parameters), chip)
    upscaler.restore(prefix)
    return upscaler


def read_model(prefix, hyper_parameters=None):
    """The model that a checkpoint belongs to, from its JSON or else from its shapes."""
    metadata = checkpoint.read_metadata(prefix)
    if metadata:
        model = models.find(metadata['model'])
        return model(metadata['scales'],
                     **dict(metadata['hyper_parameters'], **(hyper_parameters or {})))
    model = models.recognise(checkpoint.read_shapes(prefix))
    if model is None:
        raise UserError('%s: its variables are those of no model here (%s)'
                        % (prefix, ', '.join(models.names())))
    return type(model)(model.scales, **dict(model.hyper_parameters, **(hyper_parameters or {})))


class Upscaler:
    """Computes with one set of weights, which `restore` or `assign` gives it."""

    checkpoint = None

    def __init__(self, model, chip):
        self.model = model
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._inputs, self._outputs, self._images = {}, {}, {}
            for scale in model.scales:
                self._build(scale)
            self._variables = model.variables()
        self._graph.finalize()
        self._session = chip.session(self._graph)

    @property
    def scales(self):
        return self.model.scales

    def restore(self, prefix):
        """Takes the weights of another checkpoint of the same model; averaged ones if it has."""
        self.checkpoint = prefix
        shapes = checkpoint.read_shapes(prefix)
        weights = {name: shape for name, shape in shapes.items() if checkpoint.is_weight(name)}
        checkpoint.require_fit(prefix, weights, self._variables)
        averages = {name: name + checkpoint.EMA_SUFFIX for name in weights}
        sources = {name: average if average in shapes else name
                   for name, average in averages.items()}
        values = checkpoint.read_values(prefix, sources.values())
        self.assign({name: values[source] for name, source in sources.items()})

    def assign(self, weights):
        """Takes weights from a mapping of their names to arrays."""
        checkpoint.assign(self._session, self._variables, weights)

    def __call__(self, image, scale=None):
        """The picture enlarged, float32 and not rounded, in the range of what was given.

        `image` is `[H, W, 3]`: uint8, uint16, or floating point in 0..255.
        """
        return self._enlarged(image, scale, self._images)[0]

    def outputs(self, image, scale=None):
        """The same for each of the network's outputs; `__call__` gives them combined."""
        return self._enlarged(image, scale, self._outputs)

    def network(self, batch, scale=None):
        """The list of raw outputs for a float32 `[N, H, W, C]` batch in the model's own space."""
        scale = self._require_scale(scale)
        return self._session.run(self._outputs[scale], {self._inputs[scale]: batch})

    def close(self):
        self._session.close()

    def _build(self, scale):
        size = [None, None, None, self.model.channels]
        self._inputs[scale] = tf.placeholder(tf.float32, size, 'input_x%d' % scale)
        self._outputs[scale] = self.model.network(self._inputs[scale], scale)
        self._images[scale] = [self.model.image(self._outputs[scale])]

    def _enlarged(self, image, scale, fetches):
        scale = self._require_scale(scale)
        if image.ndim != 3 or image.shape[2] != 3:
            raise ValueError('an image of shape [H, W, 3] is wanted, not %s' % (image.shape,))
        unit = 257.0 if image.dtype == np.uint16 else 1.0
        bicubic = resize.upscale(image, scale) / unit if self.model.input_is_enlarged else None
        rgb = image / unit if bicubic is None else bicubic
        batch = self.model.from_rgb(rgb.astype(np.float32))[np.newaxis]
        results = self._session.run(fetches[scale], {self._inputs[scale]: batch})
        return [(self.model.to_rgb(result[0], bicubic) * unit).astype(np.float32)
                for result in results]

    def _require_scale(self, scale):
        if scale is None and len(self.scales) == 1:
            return self.scales[0]
        if scale not in self.scales:
            raise UsageError('--scale=%s: %s is for %s' % (
                scale, self.checkpoint, ', '.join('x%d' % known for known in self.scales)))
        return scale

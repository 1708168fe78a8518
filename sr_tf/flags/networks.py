"""A trained network: where it is, what computes it, and at which scale."""
import os

from absl import flags

import models
from sr_tf import checkpoint
from sr_tf.engines import ENGINES, EXPORTED
from sr_tf.errors import UsageError
from sr_tf.upscaler import read_model

FLAGS = flags.FLAGS


def define_weights():
    flags.DEFINE_string('restore_path', None, 'The checkpoint, or the folder of a run: its '
                        'newest.')
    flags.DEFINE_enum('model', None, models.names(), 'Instead of restore_path: the model whose '
                      'trained weights, which come along, are taken. Beside it: the model that '
                      'the checkpoint must be of.')


def define_scale():
    flags.DEFINE_integer('scale', None, 'How many times larger. Default: the model\'s only one.')


def define_engine():
    flags.DEFINE_enum('engine', None, ENGINES, 'What computes the network: TensorFlow, another '
                      'program, or auto: the fastest that is installed and computes the same. '
                      'Default: tf, and auto for model_path.')
    flags.DEFINE_string('model_path', None,
                        'Instead of restore_path: an ONNX file that export.py wrote.')


def weights_path():
    """The checkpoint, or what is given instead: an ONNX file or the name of a model."""
    given = [name for name in ('model', 'model_path', 'restore_path')
             if name in FLAGS and getattr(FLAGS, name)]
    if not given:
        raise UsageError('--restore_path is missing: the checkpoint, or the folder of a run; or '
                         'give a --model, whose trained weights come along')
    if given == ['model']:
        return FLAGS.model
    if 'model_path' in given:
        return _exported(given)
    # A run may be called like a model.
    path = os.path.join('.', FLAGS.restore_path)
    if 'model' in given:
        _require_model(path)
    return path


def _exported(given):
    if len(given) > 1:
        raise UsageError('%s: give one of them' % ' and '.join('--' + name for name in given))
    if not FLAGS.model_path.endswith(EXPORTED):
        raise UsageError('--model_path=%s: is no *%s; a checkpoint is given as --restore_path'
                         % (FLAGS.model_path, EXPORTED))
    return FLAGS.model_path


def _require_model(path):
    found = read_model(checkpoint.resolve(path)).name()
    if found != FLAGS.model:
        raise UsageError('--model=%s: %s is of %s; leave out --model'
                         % (FLAGS.model, FLAGS.restore_path, found))

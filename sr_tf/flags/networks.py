"""A trained network: where it is, what computes it, and at which scale."""
from absl import flags

from sr_tf.engines import ENGINES, EXPORTED
from sr_tf.errors import UsageError
from sr_tf.flags.common import required

FLAGS = flags.FLAGS


def define_restore_path():
    flags.DEFINE_string('restore_path', None, 'The checkpoint, or the folder of a run.')


def define_scale():
    flags.DEFINE_integer('scale', None, 'How many times larger. Default: the model\'s only one.')


def define_engine():
    flags.DEFINE_enum('engine', None, ENGINES, 'What computes the network: TensorFlow, another '
                      'program, or auto: the fastest that is installed and computes the same. '
                      'Default: tf, and auto for model_path.')
    flags.DEFINE_string('model_path', None,
                        'Instead of restore_path: an ONNX file that export.py wrote.')


def weights_path():
    """The checkpoint, or the ONNX file that is given instead."""
    if not FLAGS.model_path:
        return required('restore_path')
    if FLAGS.restore_path:
        raise UsageError('--model_path and --restore_path: give one of them')
    if not FLAGS.model_path.endswith(EXPORTED):
        raise UsageError('--model_path=%s: is no *%s; a checkpoint is given as --restore_path'
                         % (FLAGS.model_path, EXPORTED))
    return FLAGS.model_path

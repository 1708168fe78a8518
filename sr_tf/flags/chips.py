"""Where to compute, and how exactly."""
from absl import flags

from sr_tf.chips.session import CHIPS, PRECISIONS, Chip
from sr_tf.flags.npu import define_npu, given_options

FLAGS = flags.FLAGS


def define_chip():
    flags.DEFINE_enum('chip', 'auto', CHIPS, 'Where to compute.')
    flags.DEFINE_enum('precision', 'auto', PRECISIONS,
                      'fp32, or mixed: bfloat16 on a CPU, float16 on a GPU or an NPU. '
                      'auto is mixed on an NPU and fp32 elsewhere.')
    flags.DEFINE_string('cuda_device', None, 'The GPU to use, as in CUDA_VISIBLE_DEVICES.')
    define_npu()


def chip():
    return Chip(FLAGS.chip, FLAGS.precision, FLAGS.cuda_device, given_options(), FLAGS.npu_verify)

"""The flags of export.py."""
import re

from absl import flags

from sr_tf import exporting
from sr_tf.errors import UsageError
from sr_tf.flags.common import required
from sr_tf.flags.model_parameters import define_model_parameters
from sr_tf.flags.networks import define_scale, define_weights
from sr_tf.graphs.pictures import PIXELS
from sr_tf.graphs.trained import OPSET, OPSETS

FLAGS = flags.FLAGS


def define_export():
    define_weights()
    flags.DEFINE_list('format', None, 'What to write, of %s; several with commas between them.'
                      % ', '.join(exporting.FORMATS))
    flags.DEFINE_string('output_path', None, 'The folder for what is written.')
    define_scale()
    flags.DEFINE_enum('pixels', 'uint8', PIXELS, 'What goes in and out: RGB as bytes, RGB as '
                      'floats in 0..255 that are not rounded, or bare: what the network itself '
                      'reads and gives.')
    flags.DEFINE_integer('opset', OPSET, 'The version of ONNX\'s operators.',
                         lower_bound=OPSETS[0], upper_bound=OPSETS[1])
    flags.DEFINE_list('om_sizes', None, 'The sizes of pictures, height x width, that an om is to '
                      'take, such as 256x256,128x512.')
    flags.DEFINE_string('om_chip', 'Ascend310', 'The chip that an om is for, as atc calls it.')
    define_model_parameters()


def export_formats():
    formats = required('format')
    for name in formats:
        if name not in exporting.FORMATS:
            raise UsageError('--format=%s: no such format; there are %s'
                             % (name, ', '.join(exporting.FORMATS)))
    return formats


def om_sizes(formats):
    """(height, width) of each; there must be one if the formats need it."""
    if 'om' in formats:
        required('om_sizes')
    sizes = [re.match(r'([1-9]\d*)x([1-9]\d*)$', size) for size in FLAGS.om_sizes or ()]
    if not all(sizes):
        raise UsageError('--om_sizes=%s: are heights and widths, such as 256x256,128x512'
                         % ','.join(FLAGS.om_sizes))
    return [tuple(map(int, size.groups())) for size in sizes]

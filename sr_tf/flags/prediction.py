"""The flags of predict.py."""
from absl import flags

from sr_tf.flags.chips import define_chip
from sr_tf.flags.enlarging import define_enlarging
from sr_tf.flags.model_parameters import define_model_parameters
from sr_tf.flags.networks import define_engine, define_scale, define_weights
from sr_tf.images.formats import FORMATS
from sr_tf.images.reader import MAX_MEGAPIXELS
from sr_tf.images.writer import DEFAULT_QUALITY


def define_prediction():
    define_chip()
    define_weights()
    define_engine()
    flags.DEFINE_string('input_path', None, 'A picture, a folder of them, a pattern such as '
                        '"photos/*.jpg", or - for standard input.')
    flags.DEFINE_string('output_path', None, 'The enlarged picture, the folder for them, or - for '
                        'standard output.')
    define_scale()
    flags.DEFINE_enum('format', None, list(FORMATS), 'The format of the enlarged pictures. '
                      'Default: what the output file is called, else that of each picture.')
    flags.DEFINE_integer('quality', DEFAULT_QUALITY, 'Of JPEG and WebP files; 100 makes WebP '
                         'lossless.', lower_bound=1, upper_bound=100)
    flags.DEFINE_integer('batch', 1, 'How many pictures of one size are computed together.',
                         lower_bound=1)
    flags.DEFINE_boolean('skip_existing', False, 'Leave out pictures whose result exists.')
    flags.DEFINE_boolean('keep_truncated', False, 'Enlarge what there is of damaged pictures.')
    flags.DEFINE_integer('max_megapixels', MAX_MEGAPIXELS, 'Refuse pictures with more, which may '
                         'be small files made to fill the memory.', lower_bound=1)
    define_enlarging()
    define_model_parameters()

"""How a network is put to work on pictures."""
from absl import flags

from sr_tf.errors import UsageError

FLAGS = flags.FLAGS


def define_enlarging():
    flags.DEFINE_boolean('self_ensemble', False, 'Average what the eight flips and rotations of '
                         'each picture give; eight times slower, a little better.')
    flags.DEFINE_string('tile', 'auto', 'The largest side of the windows in which a picture is '
                        'computed: auto, by the free memory; none; or a number of its pixels.')


def tile():
    """'auto', a number of pixels, or 0 for none."""
    if FLAGS.tile in ('auto', 'none'):
        return {'auto': 'auto', 'none': 0}[FLAGS.tile]
    if not FLAGS.tile.isdigit():
        raise UsageError('--tile=%s: is auto, none or a number of pixels' % FLAGS.tile)
    return int(FLAGS.tile)

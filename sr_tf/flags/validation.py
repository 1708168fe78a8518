"""The flags of validate.py."""
from absl import flags

from sr_tf.errors import UsageError
from sr_tf.flags.chips import define_chip
from sr_tf.flags.data import define_data, degradation
from sr_tf.flags.enlarging import define_enlarging
from sr_tf.flags.image_sets import define_datasets
from sr_tf.flags.model_parameters import define_model_parameters
from sr_tf.flags.networks import define_engine, define_weights
from sr_tf.flags.processes import define_distributed
from sr_tf.scoring.evaluate import Settings
from sr_tf.scoring.protocols import PROTOCOLS
from sr_tf.scoring.protocols import find as find_protocol

FLAGS = flags.FLAGS


def define_scoring():
    define_chip()
    define_weights()
    define_engine()
    define_data('The scales to score. Default: all of the model\'s.')
    flags.DEFINE_string('save_path', None, 'Where the enlarged pictures go.')
    flags.DEFINE_string('report_path', None,
                        'Where metrics.json, metrics.csv and report.html go.')
    define_datasets()
    flags.DEFINE_list('compare', None, 'More to score beside it: checkpoints, runs, or names '
                      'of models whose trained weights come along.')
    flags.DEFINE_list('sr_path', None, 'Folders of pictures that other tools enlarged, to score '
                      'beside it or alone.')
    flags.DEFINE_list('protocol', ['paper'], 'What PSNR and SSIM are taken of: all, or some of %s; '
                      'the first is that of tables and pictures.' % ', '.join(PROTOCOLS))
    flags.DEFINE_boolean('summary', False, 'Show the size and the speed of the network, with or '
                         'without scoring it.')
    define_distributed('share the images')
    flags.DEFINE_boolean('intermediate', False, 'Score and save each recursion\'s output as well.')
    define_enlarging()
    define_model_parameters()


def scoring(scales, measures):
    """The `Settings` of a scoring at these scales."""
    names = list(PROTOCOLS) if FLAGS.protocol == ['all'] else list(dict.fromkeys(FLAGS.protocol))
    for name in names:
        find_protocol(name)
    if not names:
        raise UsageError('--protocol is empty: there are %s' % ', '.join(PROTOCOLS))
    return Settings(tuple(names), measures, degradation(scales), FLAGS.intermediate)

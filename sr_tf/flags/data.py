"""The images, and where their raw pixels are kept."""
import os

from absl import flags

import dataloaders
from sr_tf.errors import UsageError
from sr_tf.images import degradations

FLAGS = flags.FLAGS


def define_data(scales_help):
    flags.DEFINE_enum('dataloader', 'basic_loader', dataloaders.names(),
                      'How the images lie on disk.')
    flags.DEFINE_string('data_truth_path', None, 'The high-resolution images.')
    flags.DEFINE_string('data_input_path', None,
                        'The low-resolution images; made by bicubic when not given.')
    flags.DEFINE_enum('degradation', None, list(degradations.DEGRADATIONS),
                      'How the low-resolution images come about; unknown: by the given files '
                      'alone. Default: bicubic where there are no files; when scoring, what '
                      'the protocol says.')
    flags.DEFINE_list('scales', None, scales_help)


def define_pack_path():
    flags.DEFINE_string('pack_path', None,
                        'Where the images are kept as raw pixels. Default: the user\'s cache.')


def loader(scales, prefix='data'):
    """The chosen loader; with the prefix 'valid', that of the validation images."""
    _require_one_source(prefix + '_input_path')
    name = FLAGS.dataloader
    if prefix == 'valid' and FLAGS.valid_dataloader:
        name = FLAGS.valid_dataloader
    chosen = open_loader(name, getattr(FLAGS, prefix + '_truth_path'),
                         getattr(FLAGS, prefix + '_input_path'), scales)
    chosen.prefix = prefix
    return chosen


def open_loader(name, truth_path, input_path, scales):
    """The loader of this name, told which LR files are wanted where there may be several kinds."""
    chosen = dataloaders.find(name)(truth_path, input_path, scales)
    if FLAGS.degradation == 'unknown':
        chosen.lr_kind = 'unknown'
    return chosen


def degradation(scales):
    """The degradation that was asked for, or None; it is defined for all of the scales."""
    if FLAGS.degradation:
        degradations.require_scales(FLAGS.degradation, scales)
    return FLAGS.degradation


def pack_folder():
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return FLAGS.pack_path or os.path.join(cache, 'sr-tf', 'packs')


def _require_one_source(input_flag):
    """A degradation that makes all images and a folder that holds them contradict each other."""
    path = getattr(FLAGS, input_flag)
    if path and FLAGS.degradation and not degradations.DEGRADATIONS[FLAGS.degradation].reads_files:
        raise UsageError('--%s=%s: --degradation=%s makes the low-resolution images; give one of '
                         'the two' % (input_flag, path, FLAGS.degradation))

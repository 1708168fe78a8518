"""The sets of images that networks are scored on."""
import os

from absl import flags

import dataloaders
from sr_tf.errors import UsageError
from sr_tf.flags.common import required
from sr_tf.flags.data import loader, open_loader
from sr_tf.scoring.sets import ImageSet, name_of

FLAGS = flags.FLAGS


def define_datasets():
    flags.DEFINE_list('datasets', None, 'Test sets in --data_root by their names, such as '
                      'Set5,BSD100, in any of the usual layouts.')
    flags.DEFINE_string('data_root', None, 'The folder that holds the --datasets.')


def define_validation_images():
    flags.DEFINE_enum('valid_dataloader', None, dataloaders.names(),
                      'The loader of the validation images. Default: the same.')
    flags.DEFINE_string('valid_truth_path', None, 'Their high-resolution images.')
    flags.DEFINE_string('valid_input_path', None, 'Their low-resolution images.')


def test_sets(scales, prefix='data'):
    """What to score on, at each scale: the --datasets, or the images of the chosen loader."""
    if prefix == 'data' and FLAGS.datasets:
        if FLAGS.data_truth_path or FLAGS.data_input_path:
            raise UsageError('--datasets: are found in --data_root; leave out --data_truth_path '
                             'and --data_input_path')
        root = required('data_root')
        return [ImageSet(name, scale, open_loader('benchmark_loader', os.path.join(root, name),
                                                  None, (scale,)))
                for name in dict.fromkeys(FLAGS.datasets) for scale in scales]
    name = name_of(getattr(FLAGS, prefix + '_truth_path') or FLAGS.dataloader)
    return [ImageSet(name, scale, loader((scale,), prefix)) for scale in scales]

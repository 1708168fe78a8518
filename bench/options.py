"""The flags of `python -m bench`, and what they say to the tables."""
import importlib.util
import subprocess
import sys

from absl import flags

import models
from sr_tf.errors import UsageError

FLAGS = flags.FLAGS


def define():
    flags.DEFINE_boolean('full', False, 'Measure all, at published sizes, instead of a summary '
                         'that takes ten minutes on two cores.')
    flags.DEFINE_string('output_path', None, 'The folder for a JSON file of each table and the '
                        'chart. Default: bench-results/, and there the date.')
    flags.DEFINE_string('torch_python', None, 'A Python that has PyTorch, to compare with. '
                        'Default: this one, if it has.')
    flags.DEFINE_list('checkpoints', [], 'What the table of predictions enlarges with. Default: '
                      'networks of published size with random weights.')
    flags.DEFINE_string('images', None, 'A folder of what the table of validation scores. Default: '
                        'the photographs inside scikit-image\'s wheel.')
    flags.DEFINE_list('pythons', [], 'Other Pythons, each with a TensorFlow, for the table of '
                      'versions.')
    flags.DEFINE_list('networks', None, 'Which models the table of training trains. Default: all.')


def checkpoints():
    return FLAGS.checkpoints


def images():
    return FLAGS.images


def pythons():
    return FLAGS.pythons


def networks():
    return FLAGS.networks or models.names()


def torch_python():
    """The Python that has PyTorch, or None, and then rows of PyTorch are left out."""
    given = FLAGS.torch_python
    if given is None:
        return sys.executable if importlib.util.find_spec('torch') else None
    try:
        subprocess.run([given, '-c', 'import torch'], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError('--torch_python=%s: does not import torch' % given) from error
    return given

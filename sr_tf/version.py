"""Which program wrote a file."""
import sys

import numpy as np

from sr_tf.compat import tensorflow_version

VERSION = '0.1.0'


def versions():
    """Of everything that decides what is computed."""
    return {'sr_tf': VERSION, 'tensorflow': tensorflow_version(), 'numpy': np.__version__,
            'python': sys.version.split()[0]}

"""A weight file of any kind, as arrays with the names and in the layout of the models here."""
import os
import re
from collections import namedtuple

import numpy as np

from sr_tf import checkpoint
from sr_tf.errors import UserError
from sr_tf.weights import mindspore_file, raw_file, torch_file

Source = namedtuple('Source', 'weights state unused names colour_first')
Source.__doc__ = """What a file holds.

weights: arrays of the network, by our names.
state: arrays of its optimizer, by our names.
unused: the file's names of all others.
names: maps our names to those in the file.
colour_first: whether channels that become pixels are in the order (colour, row, column).
"""

_HEAD_BYTES = 4096
_RANKS = {'kernel': 4, 'bias': 1, 'gain': 1}
_STATE = ('beta1_power', 'beta2_power', 'global_step')
# What an own name ends with, by how another program's ends.
_ENDINGS = {'weight': 'kernel', 'bias': 'bias', 'weight_v': 'kernel', 'weight_g': 'gain'}

# What MindSpore's cells for training put in front of a network's names.
_TRAINING_CELLS = re.compile(r'^((_backbone|network)\.)+')


def read(path):
    """The Source in a PyTorch or MindSpore file, or in a TensorFlow checkpoint without JSON."""
    if _is_tensorflow(path):
        return _from_tensorflow(checkpoint.resolve(path))
    if torch_file.looks_like(path):
        return _translated(torch_file.read(path), colour_first=True)
    if mindspore_file.looks_like(path):
        return _translated(mindspore_file.read(path), colour_first=False)
    with raw_file.naming(path):
        raw_file.refuse_placeholder(raw_file.read_bytes(path, _HEAD_BYTES))
    raise UserError('%s: is no PyTorch file, no MindSpore file and no TensorFlow checkpoint, which '
                    'has an .index' % path)


def layer(name):
    """The layer of a variable, without its numbers: the same for all layers of its kind."""
    return re.sub(r'\d+', '#', name.rpartition('/')[0])


def _is_tensorflow(path):
    return os.path.isdir(path) or os.path.exists(checkpoint.prefix_of(path) + '.index')


def _from_tensorflow(prefix):
    if checkpoint.read_metadata(prefix) is not None:
        raise UserError('%s: is a checkpoint of this suite already; use it as it is' % prefix)
    arrays = checkpoint.read_values(prefix, sorted(checkpoint.read_shapes(prefix)))
    weights = {name: array for name, array in arrays.items()
               if checkpoint.is_weight(name) and _is_usable(name, array)}
    state = {name: array for name, array in arrays.items()
             if name in _STATE or checkpoint.weight_of(name) in weights}
    unused = sorted(set(arrays) - set(weights) - set(state))
    return Source(weights, state, unused, {name: name for name in weights}, False)


def _translated(arrays, colour_first):
    weights, unused, names = {}, [], {}
    for original, array in arrays.items():
        path, _, ending = _TRAINING_CELLS.sub('', original).rpartition('.')
        name = '/'.join(['generator'] + path.split('.') + [_ENDINGS.get(ending, '')])
        array = _as_here(name, array)
        if name not in weights and _is_usable(name, array):
            weights[name] = array
            names[name] = original
        else:
            unused.append(original)
    return Source(weights, {}, unused, names, colour_first)


def _as_here(name, array):
    if name.endswith('/kernel') and array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if name.endswith('/gain'):
        return array.reshape(-1)
    return array


def _is_usable(name, array):
    return (_RANKS.get(name.rpartition('/')[2]) == array.ndim and array.size > 0
            and np.issubdtype(array.dtype, np.floating))

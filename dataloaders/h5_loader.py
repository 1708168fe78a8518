"""RDN's h5 files: groups `lr` and `hr` with a uint8 `[H, W, 3]` RGB picture under each key."""
import contextlib
import os
from collections import namedtuple

import h5py
import numpy as np

from dataloaders.base_loader import BaseLoader, Pair
from sr_tf.errors import UsageError, UserError


class Entry(namedtuple('Entry', 'path key')):
    """Where a picture is in a file."""

    def __str__(self):
        return '%s: %s' % self


class H5Loader(BaseLoader):
    """`--data_truth_path` names the file; its LR images, of one scale, are in it as well."""

    def list_pairs(self):
        paths = self.truth_paths('an h5 file')
        return [pair for index, path in enumerate(paths)
                for pair in self._pairs(path, '%d-' % index if len(paths) > 1 else '')]

    def read(self, where):
        # HDF5 works for one thread at a time: a file that stays open would gain nothing.
        with _opened(where.path) as file:
            return file[where.key][()]

    def size(self, where):
        with _opened(where.path) as file:
            return file[where.key].shape[:2]

    def read_channels(self, where):
        return self.read(where)

    def place(self, where):
        return super().place(where.path) + [where.key]

    def stamp(self, where):
        return super().stamp(where.path)

    def _pairs(self, path, prefix):
        pairs = []
        with _opened(path) as file:
            for key in _common_keys(path, file):
                hr, lr = Entry(path, 'hr/' + key), Entry(path, 'lr/' + key)
                scale = _scale(hr, _size(file, hr), lr, _size(file, lr))
                if self.scales != (scale,):
                    raise UsageError('--scales=%s: %s is for x%d; choose that scale, or make '
                                     'another file with `prepare.py h5`'
                                     % (','.join(map(str, self.scales)), lr, scale))
                pairs.append(Pair(prefix + key, hr, {scale: lr}))
        return pairs


@contextlib.contextmanager
def _opened(path):
    if not os.path.isfile(path):
        raise UserError('%s: no such file' % path)
    try:
        with h5py.File(path, 'r') as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise UserError('%s: not an h5 file, or a damaged one (%s); `prepare.py h5` makes one'
                        % (path, error)) from error


def _common_keys(path, file):
    """The keys of both groups, in the order of their numbers."""
    hr, lr = (_keys(path, file, name) for name in ('hr', 'lr'))
    for group, other, lacking in (('lr', 'hr', lr - hr), ('hr', 'lr', hr - lr)):
        for key in sorted(lacking, key=_number_order):
            raise UserError('%s: %s/%s has no %s/%s; remove it or make the file again with '
                            '`prepare.py h5`' % (path, group, key, other, key))
    if not hr:
        raise UserError('%s: its groups lr and hr are empty; make the file again with '
                        '`prepare.py h5`' % path)
    return sorted(hr, key=_number_order)


def _keys(path, file, name):
    group = file.get(name)
    if not isinstance(group, h5py.Group):
        raise UserError('%s: has no group %r with a picture under each key; `prepare.py h5` makes '
                        'such a file' % (path, name))
    return set(group)


def _number_order(key):
    return len(key), key


def _size(file, entry):
    picture = file[entry.key]
    if not isinstance(picture, h5py.Dataset):
        raise UserError('%s: is a group, not a picture' % (entry,))
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise UserError('%s: is %s of shape %s, not uint8 of shape [height, width, 3]; make the '
                        'file again with `prepare.py h5`'
                        % (entry, picture.dtype, list(picture.shape)))
    return picture.shape[:2]


def _scale(hr, hr_size, lr, lr_size):
    scale = hr_size[0] // lr_size[0] if lr_size[0] else 0
    if not scale or (lr_size[0] * scale, lr_size[1] * scale) != hr_size:
        raise UserError('%s: is %dx%d, which is no multiple of %s of %dx%d; make the file again '
                        'with `prepare.py h5`'
                        % ((hr,) + hr_size[::-1] + (lr.key,) + lr_size[::-1]))
    return scale

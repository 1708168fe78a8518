"""Crops of images in TFRecord files.

Each record is an Example: `hr` the uint8 RGB pixels row by row, `height`, `width`, and `name`.
"""
import itertools
import os
import re

import numpy as np

from sr_tf.data import example
from sr_tf.data.ahead import computed_ahead
from sr_tf.data.archives import opened
from sr_tf.data.crops import crop_name, positions, require_some
from sr_tf.data.made_from import claim, stamp
from sr_tf.data.tfrecord_file import find_records, framed, read_record
from sr_tf.errors import UserError
from sr_tf.images import files
from sr_tf.paths import walk
from sr_tf.whole_file import whole_or_absent

EXTENSION = '.tfrecord'
SHARD_NAME = 'images-%05d-of-%05d' + EXTENSION


def write_shards(sources, folder, size, stride, num_shards, progress):
    """Writes the crops of all images, but the shards that are there; returns how many crops.

    There are no more shards than images.  progress(done, total): called after each image.
    """
    claim(folder, {'patch_size': size, 'stride': stride, 'num_shards': num_shards,
                   'images': stamp(sources)})
    shards = _divided(sources, folder, min(num_shards, len(sources)))
    missing = {path: part for path, part in shards.items() if not os.path.exists(path)}
    records = computed_ahead(lambda item: _records(item, size, stride),
                             opened(itertools.chain.from_iterable(missing.values())))
    done = len(sources) - sum(map(len, missing.values()))
    for path, part in missing.items():
        with whole_or_absent(path) as temporary, open(temporary, 'wb') as file:
            for _ in part:
                file.write(next(records))
                done += 1
                progress(done, len(sources))
    total = sum(len(find_records(path)) for path in shards)
    require_some(total, size)
    return total


def find_shards(folder):
    """The TFRecord files below a folder; if one of `so many` is missing, that is an error."""
    found = sorted(os.path.join(parent, name)
                   for parent, names in walk(folder) for name in names if name.endswith(EXTENSION))
    _require_siblings(found)
    return found


def read_size(record):
    """(height, width) of a record's picture."""
    features = _features(record)
    return features['height'], features['width']


def read_picture(record):
    """The pixels as `[H, W, 3]`."""
    features = _features(record)
    shape = features['height'], features['width'], 3
    if len(features['hr']) != np.prod(shape):
        raise UserError('%s: holds %d bytes, which are not %dx%d RGB pixels; `prepare.py tfrecord` '
                        'makes such files' % (record, len(features['hr']), shape[1], shape[0]))
    return np.frombuffer(features['hr'], np.uint8).reshape(shape)


def _divided(sources, folder, count):
    """Maps the path of each shard to its images, which follow each other as in the sources."""
    bounds = [len(sources) * index // count for index in range(count + 1)]
    return {os.path.join(folder, SHARD_NAME % (index, count)): sources[start:stop]
            for index, (start, stop) in enumerate(zip(bounds, bounds[1:]))}


def _records(item, size, stride):
    name, file = item
    image = files.read_rgb(file)
    return b''.join(
        framed(example.encode({'hr': image[top:top + size, left:left + size].tobytes(),
                               'height': size, 'width': size,
                               'name': os.fsencode(crop_name(name, top, left))}))
        for top, left in positions(*image.shape[:2], size, stride))


def _require_siblings(paths):
    """Fails if one of a row is missing."""
    numbered = re.compile(r'(.*)-\d{5}-of-(\d{5})\%s$' % EXTENSION, re.S)
    rows = {match.groups() for match in map(numbered.match, paths) if match}
    for name, count in sorted(rows):
        missing = {'%s-%05d-of-%s%s' % (name, index, count, EXTENSION)
                   for index in range(int(count))}.difference(paths)
        if missing:
            raise UserError('%s: is missing; run the same `prepare.py tfrecord` again, it '
                            'continues' % min(missing))


def _features(record):
    try:
        features = example.decode(read_record(record))
    except ValueError as error:
        raise UserError('%s: is no tf.train.Example (%s); `prepare.py tfrecord` makes such files'
                        % (record, error)) from error
    for name, kind in (('hr', bytes), ('height', int), ('width', int)):
        if not isinstance(features.get(name), kind):
            raise UserError('%s: has no feature %r of type %s; `prepare.py tfrecord` makes such '
                            'files' % (record, name, kind.__name__))
    return features

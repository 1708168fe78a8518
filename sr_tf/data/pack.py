"""All pictures of a training set in one raw file, which training maps into memory.

Decoding a PNG for every patch costs a hundred times what cutting the patch out does; so pictures
are decoded once.  The file holds uint8 RGB rows, each padded to a multiple of `ALIGNMENT` bytes:
TensorFlow then passes on a part of the mapped file without copying it.  Packing that was
interrupted goes on where it was.
"""
import hashlib
import json
import os
from collections import namedtuple

from sr_tf.data.ahead import computed_ahead
from sr_tf.data.growing_file import GrowingFile, Plane
from sr_tf.data.low_resolution import low_resolution
from sr_tf.errors import UserError
from sr_tf.images.degradations import DEGRADATIONS
from sr_tf.lock import locked
from sr_tf.whole_file import whole_or_absent

FORMAT = 1

Pack = namedtuple('Pack', 'path size names hr lr enlarged')
Pack.__doc__ = """A raw file and its index.

`hr[i]` is the `Plane` of picture `names[i]`; `lr[scale][i]` that of its low-resolution one, which
is as large as the other when `enlarged`.
"""


def open_pack(loader, scales, folder, enlarge=False, progress=None, degradation='bicubic'):
    """The `Pack` of a loader's pictures, written to `folder` unless it is there and up to date.

    With `enlarge`, the low-resolution pictures are stored enlarged by bicubic to the size of the
    high-resolution ones.  `progress(done, total)` is called after each picture that is packed.
    `degradation` names how low-resolution pictures come about.
    """
    pairs = loader.pairs()
    given = [[pair.hr] + [pair.lr[scale] for scale in scales if scale in pair.lr]
             for pair in pairs]
    key = _digest([FORMAT, type(loader).__name__, scales, enlarge, degradation,
                   [pair.name for pair in pairs],
                   [list(map(loader.place, pictures)) for pictures in given]])
    stamp = _digest([list(map(loader.stamp, pictures)) for pictures in given])
    index = _finished(folder, key, stamp)
    try:
        if index is None:
            os.makedirs(folder, exist_ok=True)
            # Of several processes that want the same pack, one writes it and the others wait.
            with locked(os.path.join(folder, key + '.lock')):
                index = _finished(folder, key, stamp) or _write(
                    lambda pair: _pictures(loader, pair, scales, enlarge, degradation),
                    pairs, scales, enlarge, folder, key, stamp, progress)
    except OSError as error:
        raise UserError('%s: the pack of the training images cannot be written: %s; '
                        'name another folder with --pack_path'
                        % (folder, error.strerror or error)) from error
    return _pack(folder, index)


def read_through(pack):
    """Reads the file once, so that it lies in the system's cache when training starts."""
    with open(pack.path, 'rb', buffering=0) as file:
        while file.read(1 << 24):
            continue


def _digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _finished(folder, key, stamp):
    """The index of a pack that is whole and up to date, or None."""
    try:
        with open(os.path.join(folder, key + '.json')) as file:
            index = json.load(file)
        size = os.path.getsize(os.path.join(folder, index['file']))
    except (OSError, ValueError):
        return None
    return index if (index['stamp'], index['size']) == (stamp, size) else None


def _pack(folder, index):
    return Pack(os.path.join(folder, index['file']), index['size'], index['names'],
                [Plane(*plane) for plane in index['hr']],
                {int(scale): [Plane(*plane) for plane in planes]
                 for scale, planes in index['lr'].items()},
                index['enlarged'])


def _write(pictures_of, pairs, scales, enlarge, folder, key, stamp, progress):
    """The raw file first and its index last, so that an index never speaks of what is not there."""
    name = '%s-%s.bin' % (key, stamp)
    growing = GrowingFile(os.path.join(folder, name + '.part'))
    _remove(folder, key, lambda other: '.part' in other and not other.startswith(name))
    try:
        with growing:
            missing = pairs[len(growing.groups):]
            for pictures in computed_ahead(pictures_of, missing):
                growing.append(pictures)
                if progress:
                    progress(len(growing.groups), len(pairs))
        hr, *lr = zip(*growing.groups)
        index = {'file': name, 'stamp': stamp, 'enlarged': enlarge, 'size': growing.size,
                 'names': [pair.name for pair in pairs], 'hr': hr, 'lr': dict(zip(scales, lr))}
        os.replace(growing.path, os.path.join(folder, name))
        with whole_or_absent(os.path.join(folder, key + '.json')) as temporary, \
                open(temporary, 'w') as file:
            json.dump(index, file)
    except OSError:
        # The disk may be full, and is not to stay so.
        growing.remove()
        raise
    _remove(folder, key, lambda other: other != name)
    return index


def _remove(folder, key, is_obsolete):
    """Files of pictures of this key, of which the obsolete ones are removed."""
    for other in os.listdir(folder):
        if other.startswith(key + '-') and is_obsolete(other):
            os.remove(os.path.join(folder, other))


def _pictures(loader, pair, scales, enlarge, degradation):
    """The pictures of a pair: HR, then LR for each scale."""
    hr = loader.read(pair.hr)
    lr = [low_resolution(loader, pair, hr, scale, degradation) for scale in scales]
    if enlarge:
        lr = [DEGRADATIONS[degradation].enlarge(image, scale)
              for image, scale in zip(lr, scales)]
    return [hr] + lr

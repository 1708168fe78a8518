"""What `prepare.py` does to folders of images."""
import itertools
import os
from collections import namedtuple

from sr_tf.data.low_resolution import low_resolution, require_room
from sr_tf.data.made_from import claim
from sr_tf.errors import UsageError, UserError
from sr_tf.images.files import write_png
from sr_tf.paths import is_within

NAMINGS = {'basic': 'x{scale}/{name}.png', 'div2k': 'X{scale}/{name}x{scale}.png'}

Findings = namedtuple('Findings', 'facts faults')


def write_low_resolution(loader, folder, naming, progress, degradation='bicubic'):
    """Writes each image's LR image at each of the loader's scales; returns how many."""
    if loader.reads_below:
        require_apart(folder, loader.truth_path, '--output_path')
    pairs = loader.pairs()
    places = [{scale: os.path.join(folder, NAMINGS[naming].format(scale=scale, name=pair.name))
               for scale in loader.scales} for pair in pairs]
    originals = {os.path.realpath(str(pair.hr)) for pair in pairs}
    for path in itertools.chain.from_iterable(map(dict.values, places)):
        if os.path.realpath(path) in originals:
            raise UserError('%s: would be overwritten; give another --output_path' % path)
    claim(folder, {'degradation': degradation})
    for done, (pair, paths) in enumerate(zip(pairs, places), 1):
        hr, made = loader.read(pair.hr), pair._replace(lr={})  # whatever lies there already
        for scale, path in paths.items():
            write_png(path, low_resolution(loader, made, hr, scale, degradation))
        progress(done, len(pairs))
    return len(pairs) * len(loader.scales)


def require_apart(folder, truth_path, flag):
    """What is made from the images below a folder would be taken for more of them there."""
    for path in (truth_path or '').split(','):
        if path and is_within(folder, path):
            raise UsageError('%s=%s: lies in %s, where the images are that it is made from; name '
                             'a folder outside of it' % (flag, folder, path))


def inspect(loader, progress):
    """Reads every picture of a loader; lines about what is there, and about what is wrong."""
    faults = []
    try:
        pairs = loader.pairs()
    except UsageError:
        raise
    except UserError as error:
        return Findings([], [str(error)])
    sizes = []
    for done, pair in enumerate(pairs, 1):
        hr = _read(loader, pair.hr, faults)
        if hr is not None:
            sizes.append(hr.shape[:2])
            faults += _too_small(loader, pair, hr) or _misfits(loader, pair, hr)
        progress(done, len(pairs))
    facts = ['%d images in %s' % (len(pairs), loader.truth_path or 'the loader\'s own set')]
    if sizes:
        facts += ['smallest %dx%d, largest %dx%d, %.1f megapixels in all' % (
            _extent(min(sizes, key=_area)) + _extent(max(sizes, key=_area))
            + (sum(map(_area, sizes)) / 1e6,))]
    for scale in loader.scales:
        given = sum(scale in pair.lr for pair in pairs)
        cropped = sum(bool(height % scale or width % scale) for height, width in sizes)
        facts.append('x%d: %d low-resolution images given, %d to be made; %d HR images are '
                     'cropped to a multiple of %d' % (scale, given, len(pairs) - given, cropped,
                                                      scale))
    return Findings(facts, faults)


def _read(loader, where, faults):
    try:
        return loader.read(where)
    except UserError as error:
        faults.append(str(error))
        return None


def _too_small(loader, pair, hr):
    try:
        require_room(pair, hr, max(loader.scales))
    except UserError as error:
        return [str(error)]
    return []


def _misfits(loader, pair, hr):
    faults = []
    for scale, where in sorted(pair.lr.items()):
        lr = _read(loader, where, faults)
        expected = hr.shape[0] // scale, hr.shape[1] // scale
        if lr is not None and lr.shape[:2] != expected:
            faults.append('%s: is %dx%d, but its HR image %s of %dx%d needs %dx%d at x%d' % (
                (where,) + _extent(lr.shape) + (pair.hr,) + _extent(hr.shape)
                + _extent(expected) + (scale,)))
    return faults


def _area(size):
    return size[0] * size[1]


def _extent(size):
    """Width before height, as people say it."""
    return size[1], size[0]

"""Patches a second and core: from a pack, as published loaders read them, and merely copied.

What counts is the time that processors spend on it, so that it does not matter on how many.
"""
import functools
import os
import tempfile
import time
from collections import namedtuple

import h5py
import numpy as np
from PIL import Image

from bench import photographs
from bench.result import Row
from bench.turns import take_turns
from dataloaders.basic_loader import BasicLoader
from sr_tf.compat import tf
from sr_tf.data.archives import find_images
from sr_tf.data.h5_file import write_h5
from sr_tf.data.pack import open_pack
from sr_tf.data.preparation import write_low_resolution
from sr_tf.data.sampler import Sampler

PATCH = 48
BATCH = 16

Case = namedtuple('Case', 'subject count width height scales')
Sources = namedtuple('Sources', 'pairs h5 pack')

SUMMARY = [Case('2K photographs', 6, 2040, 1356, (2,)), Case('BSDS', 30, 481, 321, (2,))]
FULL = [Case('2K photographs', 24, 2040, 1356, (2, 4)), Case('BSDS', 200, 481, 321, (2, 4))]

against = 'sr-tf'


def rows(full):
    for case in FULL if full else SUMMARY:
        with tempfile.TemporaryDirectory(prefix='input-') as folder:
            hr_folder = os.path.join(folder, 'HR')
            photographs.write(hr_folder, case.count, case.width, case.height)
            for scale in case.scales:
                yield from measured(case, scale, prepared(folder, hr_folder, scale),
                                    rounds=9 if full else 3)


def measured(case, scale, sources, rounds):
    """A row for each way to get at patches of which nothing is in memory but what is on disk."""
    with tf.Graph().as_default(), tf.Session() as session:
        samples = take_turns({
            against: functools.partial(rate, batches_of(session, sources.pack, scale), 100, BATCH),
            'PNG decode': functools.partial(rate, from_png(sources.pairs, scale), 4),
            'h5 read': functools.partial(rate, from_h5(sources.h5, scale), 40),
            'memory copy': functools.partial(rate, copied(sources.pack, scale, np.copy), 2000),
            'memory copy, turned': functools.partial(
                rate, turned(copied(sources.pack, scale, np.asarray)), 1000)}, rounds)
    subject = '%s of %dx%d, x%d' % (case.subject, case.width, case.height, scale)
    for way, found in samples.items():
        yield Row(subject, way, 'patches/s', found, {'patch': PATCH, 'images': case.count})


def prepared(folder, hr_folder, scale):
    def silent(*_):
        return

    lr_folder, h5 = os.path.join(folder, 'LR'), os.path.join(folder, 'x%d.h5' % scale)
    loader = BasicLoader(hr_folder, None, (scale,))
    write_low_resolution(loader, lr_folder, 'basic', silent)
    loader.input_path = lr_folder
    write_h5(find_images([hr_folder]), h5, scale, False, silent)
    return Sources(loader.pairs(), h5, open_pack(loader, (scale,), os.path.join(folder, 'packs')))


def rate(get, calls, patches=1):
    """How many patches a second of a core's time so many calls get."""
    began = time.process_time()
    for _ in range(calls):
        get()
    return calls * patches / (time.process_time() - began)


def batches_of(session, pack, scale):
    iterator = Sampler(pack, (scale,), {scale: PATCH}, BATCH, seed=0).batches(
        scale, tf.constant(0, tf.int64))
    following = tf.group(*iterator.get_next())
    session.run(iterator.initializer)
    return lambda: session.run(following)


def from_png(pairs, scale):
    """As loaders do that read one image file after the other: both are decoded for each patch."""
    random = np.random.RandomState(0)

    def get():
        pair = pairs[random.randint(len(pairs))]
        lr, hr = (np.asarray(Image.open(path)) for path in (pair.lr[scale], pair.hr))
        return laid(random.rand(3) < 0.5, *cropped(lr, hr, scale, random))

    return get


def from_h5(path, scale):
    """As RDN's loader does: the file is opened and both images are read whole for each patch."""
    random = np.random.RandomState(0)
    with h5py.File(path, 'r') as file:
        count = len(file['hr'])

    def get():
        with h5py.File(path, 'r') as file:
            key = str(random.randint(count))
            lr, hr = (file[side][key][()] for side in ('lr', 'hr'))
        return laid(random.rand(3) < 0.5, *cropped(lr, hr, scale, random))

    return get


def copied(pack, scale, take):
    """From images that are mapped into memory; all places are drawn beforehand."""
    random = np.random.RandomState(0)
    pixels = np.memmap(pack.path, np.uint8, 'r')
    images = [tuple(_mapped(pixels, plane) for plane in planes)
              for planes in zip(pack.lr[scale], pack.hr)]
    places = iter([(image, random.randint(image[0].shape[0] - PATCH + 1),
                    random.randint(image[0].shape[1] - PATCH + 1))
                   for image in (images[random.randint(len(images))] for _ in range(50000))])

    def get():
        (lr, hr), top, left = next(places)
        return [take(image[top * times:(top + PATCH) * times, left * times:(left + PATCH) * times])
                for image, times in ((lr, 1), (hr, scale))]

    return get


def turned(get):
    random = np.random.RandomState(0)
    return lambda: laid(random.rand(3) < 0.5, *get())


def cropped(lr, hr, scale, random):
    top, left = (random.randint(side - PATCH + 1) for side in lr.shape[:2])
    return (lr[top:top + PATCH, left:left + PATCH],
            hr[top * scale:(top + PATCH) * scale, left * scale:(left + PATCH) * scale])


def laid(turns, *patches):
    """Copies of the patches, each laid in the same of the eight ways."""
    patches = [patch[::-1] if turns[0] else patch for patch in patches]
    patches = [patch[:, ::-1] if turns[1] else patch for patch in patches]
    return [np.ascontiguousarray(np.swapaxes(patch, 0, 1) if turns[2] else patch)
            for patch in patches]


def _mapped(pixels, plane):
    rows = pixels[plane.offset:plane.offset + plane.height * plane.stride]
    rows = rows.reshape(plane.height, plane.stride)[:, :3 * plane.width]
    return rows.reshape(plane.height, plane.width, 3)

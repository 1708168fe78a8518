"""Enlarges the images of a set by a method and scores them, many at a time."""
import contextlib
import itertools
import time
from collections import namedtuple

from sr_tf.data.ahead import computed_ahead
from sr_tf.errors import UserError
from sr_tf.images.files import to_uint8
from sr_tf.images.picture import as_rgb
from sr_tf.scoring.protocols import PROTOCOLS
from sr_tf.scoring.sources import group_by_source

# Images of one size are enlarged together up to so many LR pixels, but a set makes at least so many
# batches, for processes to share.
BATCH_PIXELS = 2 ** 16
LEAST_BATCHES = 16
# So many HR pixels are held in memory at once, each in several pictures.
HELD_PIXELS = 2 ** 23

Settings = namedtuple('Settings', 'protocols measures degradation each_output')
Settings.__doc__ = """What is measured.

protocols: their names, of which the first is that of the pictures that are shown.
measures: which of `protocols.MEASURES`.
degradation: what is asked for in place of the protocols' own, or None.
each_output: whether each of a network's outputs is scored as well.
"""

Scored = namedtuple('Scored', 'index pair lr bicubic sr hr outputs seconds scores')
Scored.__doc__ = """An image as one of the sources gives it, and how it was scored.

index: of the image in its set.
lr, bicubic, sr, hr, outputs: uint8 pictures; `outputs` is a list.
seconds: what the method took.
scores: maps each protocol of the source to the measures, with those of 'bicubic' and a list of
    those of the 'outputs' among them.
"""

_Read = namedtuple('_Read', 'index pair lr hr is_grey')


def evaluate(method, test_set, settings, share=(0, 1), finish=None):
    """Yields a `Scored` of each image for each source of pictures, largest images first.

    Files are read and pictures are scored by threads while the network computes.  What is computed
    together does not depend on the share, a rank of how many, so neither do the scores.
    finish: called with each `Scored` in the thread that scored it, to save pictures.
    """
    groups = group_by_source(settings.protocols, settings.degradation)
    for source, protocols in groups.items():
        def scored(enlarged, source=source, protocols=protocols):
            result = _scored(enlarged, source, protocols, test_set.scale, settings.measures)
            if finish:
                finish(result)
            return result

        yield from computed_ahead(
            scored, _enlarged(method, test_set, source, share, settings.each_output), _held_pixels,
            HELD_PIXELS)


def require_room(test_set, settings):
    """Fails if an image is too small to be scored, which its file tells without being read."""
    ssim = set(settings.measures) != {'psnr'}
    for pair, size in zip(test_set.pairs(), test_set.sizes()):
        cropped = [length // test_set.scale * test_set.scale for length in size]
        for protocol in settings.protocols:
            with _naming(pair):
                PROTOCOLS[protocol].require_room(cropped, test_set.scale, ssim)


def require_readable(test_set, settings, share):
    """Reads this process' images once: a picture that is none, or does not fit, fails now."""
    read = _reader(test_set, shown_source(settings))
    own = itertools.chain(*_batches(test_set.sizes(), test_set.scale, share))
    for image in computed_ahead(read, own, _hr_pixels(test_set), HELD_PIXELS):
        del image


def workload(test_set, settings, share):
    """How many `Scored` a process with this share gets."""
    sources = group_by_source(settings.protocols, settings.degradation)
    batches = _batches(test_set.sizes(), test_set.scale, share)
    return len(sources) * sum(map(len, batches))


def shown_source(settings):
    """Where the pictures come from that are shown and saved."""
    return next(iter(group_by_source(settings.protocols, settings.degradation)))


def read_one(test_set, settings, index):
    """(pair, lr, bicubic, hr) of one image, as the first protocol takes it."""
    source = shown_source(settings)
    pair = test_set.pairs()[index]
    lr, hr = source.pictures(test_set.loader, pair, test_set.loader.read(pair.hr), test_set.scale)
    return pair, lr, source.enlarge(lr, test_set.scale), hr


def _enlarged(method, test_set, source, share, each_output):
    """Yields (what was read, picture, outputs, seconds) of each image of this process' share."""
    enlarge = method.enlarger(test_set, source)
    batches = _batches(test_set.sizes(), test_set.scale, share)
    reading = computed_ahead(_reader(test_set, source), itertools.chain(*batches),
                             _hr_pixels(test_set), HELD_PIXELS)
    each_output = each_output and len(method.output_numbers) > 1
    for batch in batches:
        images = list(itertools.islice(reading, len(batch)))
        began = time.monotonic()
        pictures = enlarge([image.pair for image in images], [image.lr for image in images])
        seconds = (time.monotonic() - began) / len(batch)
        for image, picture in zip(images, pictures):
            outputs = method.outputs(image.lr, test_set.scale, source) if each_output else []
            yield image, picture, outputs, seconds


def _reader(test_set, source):
    """A function from the index of an image to what is on disk, or made of that."""
    loader, pairs = test_set.loader, test_set.pairs()

    def read(index):
        pair = pairs[index]
        original = loader.read_channels(pair.hr)
        lr, hr = source.pictures(loader, pair, as_rgb(original), test_set.scale)
        return _Read(index, pair, lr, hr, original.shape[2] == 1)
    return read


def _hr_pixels(test_set):
    """A function from the index of an image."""
    sizes = test_set.sizes()
    return lambda index: _area(sizes[index])


def _batches(sizes, scale, share):
    """Lists of indices of images that are computed together, the largest images first."""
    sizes = [(height // scale, width // scale) for height, width in sizes]
    order = sorted(range(len(sizes)), reverse=True,
                   key=lambda index: (_area(sizes[index]), sizes[index], -index))
    batches = []
    for size, group in itertools.groupby(order, key=sizes.__getitem__):
        group = list(group)
        length = max(1, min(BATCH_PIXELS // max(1, _area(size)), len(sizes) // LEAST_BATCHES))
        batches += [group[start:start + length] for start in range(0, len(group), length)]
    rank, processes = share
    return batches[rank::processes]


def _held_pixels(enlarged):
    """The HR pixels of an image that waits to be scored, once for each of its pictures."""
    image, _, outputs, _ = enlarged
    return _area(image.hr.shape) * (1 + len(outputs))


def _area(size):
    return size[0] * size[1]


def _scored(enlarged, source, protocols, scale, measures):
    image, sr, outputs, seconds = enlarged
    bicubic = source.enlarge(image.lr, scale)
    truth = image.hr[..., 0] if image.is_grey else image.hr
    scores = {}
    for protocol in protocols:
        def measured(picture, protocol=protocol):
            with _naming(image.pair):
                return protocol.score(picture, truth, scale, measures)

        scores[protocol.name] = dict(measured(sr), bicubic=measured(bicubic))
        if outputs:
            scores[protocol.name]['outputs'] = list(map(measured, outputs))
    return Scored(image.index, image.pair, image.lr, bicubic, to_uint8(sr), image.hr,
                  list(map(to_uint8, outputs)), seconds, scores)


@contextlib.contextmanager
def _naming(pair):
    """Says of which image an error is."""
    try:
        yield
    except UserError as error:
        raise UserError('%s: %s' % (pair.hr, error)) from error

"""The ways in which low-resolution pictures are made from high-resolution ones, by name."""
from collections import namedtuple

import numpy as np
from PIL import Image

from sr_tf.errors import UsageError
from sr_tf.images import resize
from sr_tf.scales import in_words

Degradation = namedtuple('Degradation', 'description shrink enlarge scales reads_files')
Degradation.__doc__ = """How a picture loses resolution, and how it is enlarged without a network.

shrink(hr, scale): the low-resolution picture, or None where nothing here can make it.
enlarge(lr, scale): what a network has to beat, and what one that reads enlarged pictures reads.
scales: those for which it is defined, or None for all.
reads_files: whether low-resolution files that a set has are taken, instead of making any.
"""

BLUR_SIZE = 7
BLUR_SIGMA = 1.6


def degrade(hr, scale, name):
    """The low-resolution picture of a uint8 one, which is cropped to a multiple of the scale."""
    return DEGRADATIONS[name].shrink(resize.crop_to_multiple(hr, scale), scale)


def require_scales(name, scales):
    """Raises UsageError if the degradation is not defined for all of the scales."""
    known = DEGRADATIONS[name].scales
    for scale in scales:
        if known and scale not in known:
            raise UsageError('--degradation=%s: is defined for %s, not for x%d; change --scales'
                             % (name, in_words(known), scale))


def pillow_resized(image, height, width):
    """A uint8 picture resized by Pillow's bicubic, which differs from MATLAB's near the edges."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.BICUBIC))


def _pillow_downscale(image, scale):
    return pillow_resized(image, image.shape[0] // scale, image.shape[1] // scale)


def _pillow_upscale(image, scale):
    return pillow_resized(image, image.shape[0] * scale, image.shape[1] * scale)


def _blur_down(image, scale):
    """The centre of each block of `scale` x `scale` pixels of the blurred picture, rounded."""
    window = np.exp(-0.5 * ((np.arange(BLUR_SIZE) - BLUR_SIZE // 2) / BLUR_SIGMA) ** 2)
    window /= window.sum()
    result = image.astype(np.float64)
    for _ in range(2):
        result = np.swapaxes(_weighted_centres(result, window, scale), 0, 1)
    return np.floor(result + 0.5).astype(np.uint8)


def _weighted_centres(image, window, step):
    """The window's weighted mean around every `step`-th row, from the middle of the first step."""
    reach = len(window) // 2
    rows = np.arange(step // 2, len(image), step)
    return sum(weight * image[np.clip(rows + tap - reach, 0, len(image) - 1)]
               for tap, weight in enumerate(window))


DEGRADATIONS = {
    'bicubic': Degradation(
        'the files that are given, else bicubic, bit for bit as the files of papers',
        resize.downscale, resize.upscale, None, True),
    'bicubic-pillow': Degradation(
        'made by the bicubic of Pillow', _pillow_downscale, _pillow_upscale, None, False),
    'blur-down': Degradation(
        'made by a 7x7 Gaussian blur of sigma 1.6 and the centre of each 3x3 pixels',
        _blur_down, resize.upscale, (3,), False),
    'unknown': Degradation('the files that are given', None, resize.upscale, None, True),
}

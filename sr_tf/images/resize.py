"""Bicubic resizing that equals, bit for bit, the LR files that the papers were measured on.

Keys' cubic with a = -0.5, widened by the scale when shrinking, samples outside repeated from the
edge, the height first and then the width, and uint8 images rounded after each of the two passes.
Ports that round once, or mirror at the edge, differ in one pixel of ten.
"""
import functools

import numpy as np

SUPPORT = 2.0  # of the cubic kernel, in samples
BLOCK = 1 << 15  # samples that are computed together, few enough for a processor's cache


def downscale(image, scale):
    """A `[H, W]` or `[H, W, C]` image made `scale` times smaller; H and W are multiples of it."""
    height, width = image.shape[:2]
    return _resize(image, height // scale, width // scale, 1.0 / scale)


def upscale(image, scale):
    """A `[H, W]` or `[H, W, C]` image made `scale` times larger."""
    height, width = image.shape[:2]
    return _resize(image, height * scale, width * scale, float(scale))


def crop_to_multiple(image, scale):
    """The image without the last rows and columns that do not fill a low-resolution pixel."""
    height, width = image.shape[:2]
    return image[:height - height % scale, :width - width % scale]


def _resize(image, height, width, factor):
    """Floating-point images stay unrounded; uint8 and uint16 ones are rounded after each pass."""
    image = _along_height(image, height, factor)
    return np.swapaxes(_along_height(np.swapaxes(image, 0, 1), width, factor), 0, 1)


def _along_height(image, size, factor):
    weights, indices = _taps(image.shape[0], size, factor)
    rows = image.reshape(image.shape[0], -1)
    result = np.empty((size, rows.shape[1]), image.dtype)
    block = max(1, BLOCK // max(1, rows.shape[1]))
    for start in range(0, size, block):
        part = slice(start, start + block)
        total = np.zeros(result[part].shape)
        for weight, index in zip(weights[part].T, indices[part].T):
            total += np.multiply(rows[index], weight[:, np.newaxis], dtype=np.float64)
        if np.issubdtype(image.dtype, np.integer):
            # Half away from zero: the values are positive, and NumPy's own rounding goes to even.
            np.clip(total, 0, np.iinfo(image.dtype).max, out=total)
            np.floor(total + 0.5, out=total)
        result[part] = total
    return result.reshape((size,) + image.shape[1:])


@functools.lru_cache(maxsize=64)
def _taps(in_size, out_size, factor):
    """Weights and source indices, each `[out_size, taps]`, of every output sample."""
    shrink = min(factor, 1.0)
    reach = SUPPORT / shrink
    centres = (np.arange(out_size) + 0.5) / factor - 0.5
    first = np.floor(centres - reach).astype(int)
    indices = first[:, np.newaxis] + np.arange(int(np.ceil(2 * reach)) + 2)
    weights = shrink * _cubic(shrink * (centres[:, np.newaxis] - indices))
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.abs(weights).max(axis=0) > 0
    return weights[:, used], np.clip(indices[:, used], 0, in_size - 1)


def _cubic(x):
    x = np.abs(x)
    near = 1.5 * x ** 3 - 2.5 * x ** 2 + 1
    far = -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < SUPPORT, far, 0.0))

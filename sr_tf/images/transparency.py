"""What transparent pictures need so that they have no fringes when they are larger."""
import numpy as np

from sr_tf import tiles
from sr_tf.images import resize

TILE = 256


def bleed(pixels, alpha):
    """The pixels, with the colours near them under those that are fully transparent."""
    if alpha.all() or not alpha.any():
        return pixels
    filled = _filled(pixels.astype(np.float32), alpha.astype(np.float32))
    return np.where(alpha[..., np.newaxis] > 0, pixels, np.rint(filled).astype(pixels.dtype))


def enlarge(alpha, scale):
    """`[H, W]` of integers, by bicubic; where all around is opaque it is exactly opaque."""
    result = np.empty((alpha.shape[0] * scale, alpha.shape[1] * scale), alpha.dtype)
    for window in tiles.windows(*alpha.shape, (TILE, TILE), int(resize.SUPPORT)):
        part = alpha[window.source()]
        # Mostly transparency is all or nothing.
        is_even = part.min() == part.max()
        result[window.place(scale)] = (
            part[0, 0] if is_even else resize.upscale(part, scale)[window.kept(scale)])
    return result


def _filled(colours, weights):
    """The colours, and where the weights are 0 the mean of those in the smallest square around
    with sides of 2, 4, 8, ... pixels that has any.
    """
    if weights.all():
        return colours
    smaller = _summed(weights)
    means = _summed(colours * weights[..., np.newaxis]) / np.maximum(smaller, 1)[..., np.newaxis]
    around = np.repeat(np.repeat(_filled(means, smaller), 2, 0), 2, 1)
    return np.where(weights[..., np.newaxis] > 0, colours,
                    around[:colours.shape[0], :colours.shape[1]])


def _summed(image):
    """Over squares of two by two pixels, those at the edges of fewer."""
    rows = np.add.reduceat(image, np.arange(0, image.shape[0], 2), axis=0)
    return np.add.reduceat(rows, np.arange(0, image.shape[1], 2), axis=1)

"""A `Picture` for a network, which knows nothing but RGB, and the larger one from its result."""
import numpy as np

from sr_tf.images import transparency
from sr_tf.images.picture import as_rgb


def for_network(picture):
    """Its colours as RGB; under transparent pixels those that are near."""
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = transparency.bleed(pixels, picture.alpha)
    return as_rgb(pixels)


def enlarged(picture, rgb, scale):
    """The picture with `rgb`, `scale` times larger, for its colours."""
    is_grey = picture.pixels.shape[2] == 1
    alpha = None if picture.alpha is None else transparency.enlarge(picture.alpha, scale)
    return picture._replace(pixels=_mean(rgb) if is_grey else rgb, alpha=alpha)


def _mean(rgb):
    wider = np.uint16 if rgb.dtype == np.uint8 else np.uint32
    return ((rgb.sum(axis=2, keepdims=True, dtype=wider) + 1) // 3).astype(rgb.dtype)

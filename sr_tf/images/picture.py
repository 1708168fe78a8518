"""A picture in memory, with all that a file of it should hold."""
from collections import namedtuple

import numpy as np

Picture = namedtuple('Picture', 'pixels alpha format icc exif dpi remarks')
Picture.__new__.__defaults__ = (None, None, None, None, None, ())
Picture.__doc__ = """Upright, in sRGB or in the colours of its profile.

pixels: uint8 or uint16, `[H, W, 1]` if grey and `[H, W, 3]` in colour; not premultiplied
alpha: `[H, W]` of the same type, or None without transparency
format: the name of the format it was read from, as in `FORMATS`; None if it is none of these
icc: the colour profile, as bytes
exif: an EXIF block
dpi: dots an inch, horizontally and vertically
remarks: sentences about what the file has and this has not
"""


class Unusable(Exception):
    """What is wrong with a file that is read, and what to do; the reader adds its name."""


def make_picture(samples, orientation=1, **about):
    """A `Picture` of samples `[H, W, C]`: grey, grey and alpha, RGB or RGBA."""
    samples = turned(samples, orientation)
    if samples.shape[2] in (1, 3):
        return Picture(np.ascontiguousarray(samples), **about)
    return Picture(np.ascontiguousarray(samples[..., :-1]),
                   np.ascontiguousarray(samples[..., -1]), **about)


def turned(image, orientation):
    """What EXIF says by a number from 1 to 8 is done to the picture."""
    if orientation >= 5:
        image = np.swapaxes(image, 0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def is_turned_sideways(orientation):
    return orientation >= 5


def upright_resolution(dpi, orientation):
    """Dots an inch, horizontally and vertically, after the picture was turned."""
    return tuple(dpi[::-1] if is_turned_sideways(orientation) else dpi)


def as_rgb(pixels):
    """Grey repeated for each colour."""
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def reduced(pixels):
    """Samples of 16 bits, rounded to 8."""
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)

"""Samples of sixteen bits from Pillow, whose colour pictures hold no more than eight.

Its decoders unpack either byte of each sample, as the raw mode says. So a picture is decoded once
for the high bytes and once for the low ones.
"""
import sys

import numpy as np

NATIVE, FOREIGN = (';16L', ';16B') if sys.byteorder == 'little' else (';16B', ';16L')
LOW_BYTES = {';16B': ';16L', ';16L': ';16B', ';16N': FOREIGN}


def raw_mode(image):
    """How the samples lie in an image file that is opened and not yet decoded."""
    return _raw_mode(image.tile[0][3]) if image.tile else ''


def is_deep(image):
    mode = raw_mode(image)
    # There is a BGR;16, whose pixels have 16 bits for all three.
    return mode.startswith('I;16') or mode[-4:] in LOW_BYTES


def read(image, reopen):
    """`[H, W, C]` uint16 of all samples, as they are stored: premultiplied colours stay so.

    `image` is opened and not decoded; `reopen()` opens it once more.
    """
    if image.mode.startswith('I'):
        return np.asarray(image).astype(np.uint16)[..., np.newaxis]
    mode = raw_mode(image).replace('RGBa', 'RGBA')
    if mode == 'LA;16B':
        return _decoded(image, 'RGBA').view('>u2').astype(np.uint16)
    high = _decoded(image, mode)
    low = _decoded(reopen(), mode[:-4] + LOW_BYTES[mode[-4:]])
    return high.astype(np.uint16) << 8 | low


def _raw_mode(arguments):
    return arguments if isinstance(arguments, str) else arguments[0]


def _decoded(image, mode):
    image.tile = [_with_raw_mode(tile, mode) for tile in image.tile]
    return np.array(image)


def _with_raw_mode(tile, mode):
    codec, box, offset, arguments = tile
    changed = mode if isinstance(arguments, str) else (mode,) + tuple(arguments[1:])
    make = getattr(tile, '_make', tuple)
    return make((codec, box, offset, changed))

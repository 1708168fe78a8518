"""Samples `[H, W, C]`, uint8 or uint16, of what Pillow decodes.

One of each pixel is grey, two are grey and alpha, three RGB, four RGBA.
"""
import io

import numpy as np
from PIL import ImageChops, ImageCms

from sr_tf.images import sixteen_bits
from sr_tf.images.picture import Unusable

MODES = {'1': 'L', 'L': 'L', 'LA': 'LA', 'La': 'LA', 'P': 'RGB', 'PA': 'RGBA', 'RGB': 'RGB',
         'RGBA': 'RGBA', 'RGBa': 'RGBA', 'RGBX': 'RGB', 'YCbCr': 'RGB'}
# What a transparent grey of fewer bits, which Pillow leaves as the file has it, is of eight.
GREY_OF_KEY = {'1': lambda key: 255 * bool(key), 'L;2': lambda key: 85 * key,
               'L;4': lambda key: 17 * key}
RELATIVE_COLORIMETRIC, BLACK_POINT_COMPENSATION = 1, 0x2000


def read(image, reopen):
    """Those of an image that is opened and not decoded; `reopen()` opens it once more."""
    if image.mode == 'CMYK':
        # Pillow takes it for granted that Adobe wrote the file, and so inverted the inks.
        is_upside_down = image.format == 'JPEG' and 'adobe' not in image.info
        return from_cmyk(ImageChops.invert(image) if is_upside_down else image,
                         image.info.get('icc_profile'))
    if sixteen_bits.is_deep(image):
        return _with_alpha_from_key(sixteen_bits.read(image, reopen), image.info)
    if image.mode not in MODES:
        raise Unusable('has samples of another kind (%s); save it with 8 or 16 bits a channel'
                       % image.mode)
    return _eight_bits(image)


def from_cmyk(image, icc=None):
    """sRGB of a CMYK picture of Pillow's, through its colour profile if it has one."""
    if icc:
        try:
            image = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile('sRGB'),
                RELATIVE_COLORIMETRIC, 'RGB', flags=BLACK_POINT_COMPENSATION)
        except (ImageCms.PyCMSError, OSError):
            pass  # The profile is damaged, or is for other colours.
    return np.array(image.convert('RGB'))


def _eight_bits(image):
    raw_mode = sixteen_bits.raw_mode(image)
    image.load()  # A PNG may say only after its pixels which colour is transparent.
    mode = MODES[image.mode]
    if 'transparency' in image.info and mode != 'L':
        return np.array(image.convert('RGBA'))
    samples = np.array(image.convert(mode))
    if 'transparency' in image.info:
        key = GREY_OF_KEY.get(raw_mode, int)(image.info['transparency'])
        return np.stack([samples, np.where(samples == key, 0, 255).astype(np.uint8)], axis=2)
    return samples if samples.ndim == 3 else samples[..., np.newaxis]


def _with_alpha_from_key(samples, info):
    """With the colour made transparent that a PNG says is transparent."""
    if 'transparency' not in info:
        return samples
    is_key = np.all(samples == np.array(info['transparency']), axis=2, keepdims=True)
    return np.concatenate([samples, np.where(is_key, 0, 65535).astype(samples.dtype)], axis=2)

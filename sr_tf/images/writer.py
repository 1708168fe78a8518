"""Pictures to files: PNG, JPEG, WebP, TIFF and BMP."""
import io

import numpy as np
from PIL import Image

from sr_tf.images import exif, png_writer, tiff_writer
from sr_tf.images.picture import Unusable, reduced

BY_PILLOW = {'jpg': 'JPEG', 'webp': 'WEBP', 'bmp': 'BMP'}
BEST_QUALITY = 100
DEFAULT_QUALITY = 95
LARGEST_SEGMENT = 2 ** 16 - 3  # of a JPEG file, in which EXIF data is one


def require_room(picture, known, scale):
    """Fails if the `Format` cannot hold the picture when it is so many times larger."""
    side = scale * max(picture.pixels.shape[:2])
    size = scale ** 2 * picture.pixels.size
    if size > known.most_bytes:
        raise Unusable('would have %.1f GB, and a %s file holds %.1f; use --format=png'
                       % (size / 1e9, known.name, known.most_bytes / 1e9))
    if side > known.largest_side:
        raise Unusable('would be %d pixels long, and a %s file holds %d; use --format=png'
                       % (side, known.name, known.largest_side))
    if not known.has_alpha and not _is_opaque(picture):
        raise Unusable('has transparent pixels, which a %s file cannot hold; use --format=png'
                       % known.name)


def write_picture(file, picture, known, quality=DEFAULT_QUALITY):
    """Writes the picture to a file that is open and empty, in the `Format`.

    What the format cannot hold is left out: 16 bits are rounded to 8, opaque alpha is dropped, of
    BMP files neither profile nor EXIF data is part, nor of JPEG files EXIF data beyond 64 KB.
    `quality` is for JPEG and WebP, where 100 is without loss.
    """
    if not known.has_alpha:
        picture = picture._replace(alpha=None)
    samples = picture.pixels
    if picture.alpha is not None:
        samples = np.concatenate([samples, picture.alpha[..., np.newaxis]], axis=2)
    if not known.has_16_bits and samples.dtype == np.uint16:
        samples = reduced(samples)
    height, width = samples.shape[:2]
    about = {'icc': picture.icc, 'dpi': _plausible(picture.dpi),
             'exif': picture.exif and exif.resized(picture.exif, width, height)}
    if known.name == 'png':
        png_writer.write(file, samples, **about)
    elif known.name == 'tiff':
        tiff_writer.write(file, samples, **about)
    else:
        _write_by_pillow(file, samples, known, quality, **about)


def _write_by_pillow(file, samples, known, quality, icc, exif, dpi):
    exif = exif and b'Exif\0\0' + exif
    if known.name == 'jpg' and len(exif or b'') > LARGEST_SEGMENT:
        exif = None
    options = {'dpi': dpi, 'icc_profile': icc, 'exif': exif}
    options = {name: value for name, value in options.items() if value}
    if known.name == 'jpg':
        options.update(quality=quality, subsampling=0)
    elif known.name == 'webp':
        options.update(quality=quality, lossless=quality == BEST_QUALITY, exact=True)
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    # By way of memory: writing to files itself, Pillow does not say why it fails.
    encoded = io.BytesIO()
    try:
        image.save(encoded, BY_PILLOW[known.name], **options)
    except (ValueError, OverflowError) as error:
        # As the first part of a large WebP picture, which may take 512 KB at most.
        raise Unusable('cannot be made a %s file (%s); use --format=png'
                       % (known.name, error)) from error
    file.write(encoded.getbuffer())


def _plausible(dpi):
    """The resolution, if it is one: damaged files have any number in its place."""
    return dpi if dpi and all(0 < value < 1e5 for value in dpi) else None


def _is_opaque(picture):
    return picture.alpha is None or picture.alpha.min() == np.iinfo(picture.alpha.dtype).max

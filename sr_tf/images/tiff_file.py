"""TIFF files: read by tifffile, which knows all layouts, or by Pillow, which knows LZW and JPEG."""
import logging

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from sr_tf.images import exif, samples, sixteen_bits
from sr_tf.images import tiff_tags as tags
from sr_tf.images.picture import (
    Unusable,
    is_turned_sideways,
    make_picture,
    reduced,
    upright_resolution,
)

MAGICS = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
COLOURS = {tags.WHITE_IS_ZERO: 1, tags.BLACK_IS_ZERO: 1, tags.RGB: 3, tags.SEPARATED: 4,
           tags.YCBCR: 3}
COMPRESSIONS = (tags.UNCOMPRESSED, 8, 32773, 32946, 34925)  # none, Deflate, PackBits, Deflate, LZMA
UNITS_AN_INCH = {tags.INCH: 1.0, tags.CENTIMETRE: 2.54}
SHAPE_BY_TIFFFILE = '{"shape":'  # in place of a description


def is_tiff(file):
    file.seek(0)
    return file.read(4) in MAGICS


class TiffFile:
    """Decodes the first page; its header is read at once."""

    def __init__(self, file):
        # Here: it costs a fifth of a second, and few pictures are TIFF files.
        import tifffile
        logging.getLogger('tifffile').setLevel(logging.CRITICAL)
        self._file = file
        file.seek(0)
        try:
            self._tiff = tifffile.TiffFile(file)
            self._page = self._tiff.pages[0]
        except Exception as error:  # whatever a damaged file makes its parser raise
            raise ValueError(error) from error
        sides = self._page.imagelength, self._page.imagewidth
        if not all(isinstance(side, int) and side > 0 for side in sides):
            raise ValueError('its size is %s by %s' % sides)
        orientation = self._value(tags.ORIENTATION)
        self._orientation = orientation if orientation in range(1, 9) else 1

    def size(self):
        """(height, width) of the upright picture."""
        height, width = self._page.imagelength, self._page.imagewidth
        return (width, height) if is_turned_sideways(self._orientation) else (height, width)

    def read(self):
        remarks = []
        if len(self._tiff.pages) > 1:
            remarks.append('has %d pages; the first was taken' % len(self._tiff.pages))
        icc = self._value(tags.ICC)
        stored = self._stored()
        if stored is None:
            pixels, orientation = self._by_pillow(remarks), 1  # Pillow has turned it.
        else:
            pixels, orientation = self._interpreted(stored, remarks), self._orientation
        return make_picture(
            pixels, orientation, format='tiff', dpi=self._dpi(),
            icc=None if self._page.photometric == tags.SEPARATED else icc,
            exif=_descriptive_tags(self._file), remarks=tuple(remarks))

    def _value(self, tag):
        found = self._page.tags.get(tag)
        return found.value if found else None

    def _stored(self):
        """`[H, W, C]` as tifffile decodes it, or None if that is for Pillow."""
        page = self._page
        if (page.photometric not in COLOURS or page.bitspersample not in (8, 16)
                or page.sampleformat != tags.UNSIGNED or page.compression not in COMPRESSIONS
                or page.photometric == tags.YCBCR and not self._has_colours_for_each_pixel()):
            return None
        size = page.imagelength, page.imagewidth
        try:
            if not self._is_complete():
                raise EOFError('it ends too early')
            if page.planarconfig == tags.SEPARATE_PLANES:
                planes = page.asarray().reshape((page.samplesperpixel,) + size)
                return np.moveaxis(planes, 0, -1)
            return page.asarray().reshape(size + (page.samplesperpixel,))
        except Exception as error:  # whatever damage makes it raise
            if ImageFile.LOAD_TRUNCATED_IMAGES:
                return None
            raise ValueError(error) from error

    def _has_colours_for_each_pixel(self):
        return (self._page.compression == tags.UNCOMPRESSED and self._page.bitspersample == 8
                and self._value(tags.YCBCR_SUBSAMPLING) == (1, 1))

    def _is_complete(self):
        end = self._file.seek(0, 2)
        return all(offset + count <= end for offset, count in zip(
            self._page.dataoffsets, self._page.databytecounts))

    def _interpreted(self, stored, remarks):
        colours = COLOURS[self._page.photometric]
        extra = list(self._page.extrasamples) or [tags.PLAIN_ALPHA] * (stored.shape[2] - colours)
        kinds = _transparencies(extra, remarks)
        pixels = stored[..., :colours]
        if self._page.photometric == tags.WHITE_IS_ZERO:
            pixels = ~pixels
        if self._page.photometric == tags.YCBCR:
            pixels = np.array(_of_mode('YCbCr', pixels).convert('RGB'))
        if self._page.photometric == tags.SEPARATED:
            pixels = _rgb_of_inks(pixels, self._value(tags.ICC), remarks)
        if not kinds:
            return pixels
        alpha = stored[..., colours + extra.index(kinds[0]), np.newaxis]
        if alpha.dtype != pixels.dtype:
            alpha = reduced(alpha)
        return _with_alpha(pixels, alpha, kinds[0] == tags.PREMULTIPLIED)

    def _by_pillow(self, remarks):
        if self._page.sampleformat == tags.SIGNED:
            raise Unusable('has signed samples; save it with 8 or 16 bits a channel, unsigned')
        if self._page.photometric == tags.YCBCR and self._page.compression == tags.UNCOMPRESSED:
            # Pillow reads them as if each pixel had its own.
            raise Unusable('has colours for several pixels at once, and no compression; save it '
                           'as RGB')
        try:
            image = self._open()
        except UnidentifiedImageError:
            raise Unusable('has samples or channels of another kind; save it with 8 or 16 bits a '
                           'channel, and ZIP instead of LZW') from None
        is_deep = sixteen_bits.is_deep(image)
        extra = list(self._page.extrasamples)
        kinds = _transparencies(extra, remarks)
        # Pillow takes these for something else, without a word.
        if self._page.planarconfig == tags.SEPARATE_PLANES and (is_deep or extra):
            raise Unusable('has compressed planes; save it with interleaved channels, or ZIP '
                           'instead of LZW')
        pixels = samples.read(image, self._open)
        if is_deep and self._page.photometric == tags.WHITE_IS_ZERO:
            pixels = ~pixels
        if is_deep and extra and not kinds:
            pixels = pixels[..., :COLOURS[self._page.photometric]]
        if is_deep and extra[:1] == [tags.PREMULTIPLIED]:
            pixels = _with_alpha(pixels[..., :-1], pixels[..., -1:], True)
        return pixels

    def _open(self):
        Image.MAX_IMAGE_PIXELS = None
        self._file.seek(0)
        return Image.open(self._file, formats=('TIFF',))

    def _dpi(self):
        unit = self._value(tags.RESOLUTION_UNIT)
        try:
            unit = UNITS_AN_INCH[tags.INCH if unit is None else int(unit)]
            found = [self._value(tag) for tag in (tags.X_RESOLUTION, tags.Y_RESOLUTION)]
            return upright_resolution([unit * above / below for above, below in found],
                                      self._orientation)
        except (LookupError, TypeError, ValueError, ZeroDivisionError):
            return None  # It is of another type than it should be, and describes the file alone.


def _transparencies(extra, remarks):
    """Those of the kinds of channels beside colours that tell transparency; the first is used."""
    kinds = [kind for kind in extra if kind in (tags.PREMULTIPLIED, tags.PLAIN_ALPHA)]
    left_out = len(extra) - len(kinds[:1])
    if left_out:
        remarks.append('has channels beside colours and transparency, which were left out (%d)'
                       % left_out)
    return kinds


def _with_alpha(pixels, alpha, is_premultiplied):
    if is_premultiplied:
        peak = np.iinfo(pixels.dtype).max
        whole = np.minimum(pixels.astype(np.uint32), alpha) * peak
        pixels = ((whole + alpha // 2) // np.maximum(alpha, 1)).astype(pixels.dtype)
    return np.concatenate([pixels, alpha], axis=2)


def _rgb_of_inks(inks, icc, remarks):
    if inks.dtype == np.uint16:
        remarks.append('has 16 bits a channel of CMYK, which are converted at 8')
        inks = (inks >> 8).astype(np.uint8)
    return samples.from_cmyk(_of_mode('CMYK', inks), icc)


def _of_mode(mode, pixels):
    return Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())


def _descriptive_tags(file):
    """An EXIF block of those in the file, or None."""
    found, kept = Image.Exif(), Image.Exif()
    file.seek(0)
    try:
        found.load_from_fp(file)
        for tag in tags.DESCRIPTIVE:
            if tag in (tags.EXIF, tags.GPS) and tag in found:
                kept[tag] = {key: value for key, value in found.get_ifd(tag).items()
                             if key != tags.INTEROPERABILITY}
            elif tag in found and not str(found[tag]).startswith(SHAPE_BY_TIFFFILE):
                kept[tag] = found[tag]
        return exif.sound_block(kept.tobytes()) if len(kept) else None
    except Exception:  # whatever a tag of a strange type makes Pillow raise
        return None

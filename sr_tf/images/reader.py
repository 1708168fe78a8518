"""Pictures from files: PNG, JPEG, WebP, TIFF and BMP of 8 and 16 bits a channel."""
import contextlib
import struct
import threading
import zlib

from PIL import ImageFile, UnidentifiedImageError

from sr_tf.errors import UserError
from sr_tf.images import tiff_file
from sr_tf.images.picture import Unusable
from sr_tf.images.pillow_file import PillowFile

MAX_MEGAPIXELS = 256
# What decoders raise when a file is not as it should be.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, OverflowError,
          zlib.error, struct.error)

_decoding = threading.Lock()


def read_picture(source, max_megapixels=MAX_MEGAPIXELS, keep_truncated=False):
    """The `Picture` in a file, turned upright as its EXIF data says.

    source: a path, or a binary file whose `str` is what messages call it.
    keep_truncated: whether what there is of a file that is cut off or damaged makes a picture.
    """
    with _readable(source) as file:
        opened = _open(file)
        _require_size(opened, max_megapixels)
        if not keep_truncated:
            return opened.read()
        with _decoding:
            try:
                return opened.read()
            except DAMAGE:
                return _read_damaged(file)


def read_size(source):
    """(height, width) of the upright picture, from the header alone."""
    with _readable(source) as file:
        return _open(file).size()


def _open(file):
    return tiff_file.TiffFile(file) if tiff_file.is_tiff(file) else PillowFile(file)


@contextlib.contextmanager
def _readable(source):
    """The source as a file; whatever goes wrong with it becomes one line."""
    try:
        with _file(source) as file:
            yield file
    except UnidentifiedImageError:
        raise UserError('%s: not an image (PNG, JPEG, WebP, TIFF, BMP); remove it or export it '
                        'again' % source) from None
    except Unusable as error:
        raise UserError('%s: %s' % (source, error)) from error
    except FileNotFoundError:
        raise UserError('%s: no such file' % source) from None
    except DAMAGE as error:
        reason = getattr(error, 'strerror', None)
        raise UserError('%s: %s' % (source, 'cannot be read: %s' % reason if reason else
                                    'damaged or truncated (%s); replace it' % error)) from error


@contextlib.contextmanager
def _file(source):
    if hasattr(source, 'read'):
        yield source
    else:
        with open(source, 'rb') as file:
            yield file


def _require_size(opened, max_megapixels):
    height, width = opened.size()
    megapixels = height * width / 1e6
    if megapixels > max_megapixels:
        raise Unusable('is %dx%d, %d megapixels, which may be a trap; if it is not, raise the '
                       'limit of %d by --max_megapixels of predict.py'
                       % (width, height, megapixels, max_megapixels))


def _read_damaged(file):
    # The switch is all of Pillow's, hence the lock around whatever else is decoded.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        picture = _open(file).read()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return picture._replace(remarks=picture.remarks + (
        'is damaged or truncated; what there is of it was taken',))

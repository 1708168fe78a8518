"""Image files as uint8 arrays of shape `[H, W, 3]`."""
import os

import numpy as np
from PIL import Image, UnidentifiedImageError

from sr_tf.errors import UserError
from sr_tf.whole_file import whole_or_absent

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff')
EIGHT_BIT_MODES = ('1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr')


def is_image_name(name):
    return name.lower().endswith(EXTENSIONS) and not name.startswith('.')


def find_images(folder):
    """The paths of all images below a folder, relative to it, in the order of their names."""
    if not os.path.isdir(folder):
        raise UserError('%s: no such folder' % folder)
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        relative = os.path.relpath(parent, folder)
        found += [os.path.normpath(os.path.join(relative, name))
                  for name in names if is_image_name(name)]
    return sorted(found)


def read_rgb(path):
    """The picture as RGB: grey repeated, a palette looked up, an opaque alpha channel dropped."""
    with _opened(path) as image:
        return _decoded(path, image)


def read_size(path):
    """(height, width), from the header alone."""
    with _opened(path) as image:
        return image.size[1], image.size[0]


def write_png(path, image):
    with whole_or_absent(path) as temporary:
        Image.fromarray(image).save(temporary, format='PNG')


def to_uint8(image):
    """A floating-point picture in 0..255, rounded and clipped."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _opened(path):
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise UserError('%s: no such file' % path) from None
    except UnidentifiedImageError:
        raise UserError('%s: not an image; remove it or export it again' % path) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError('%s: cannot be read: %s' % (path, error)) from error


def _decoded(path, image):
    if image.mode not in EIGHT_BIT_MODES:
        raise UserError('%s: has more than 8 bits a channel (mode %s); save it with 8 bits'
                        % (path, image.mode))
    try:
        if image.mode in ('LA', 'PA', 'RGBA') or 'transparency' in image.info:
            _require_opaque(path, image.convert('RGBA'))
        return np.asarray(image.convert('RGB'))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UserError('%s: damaged or truncated (%s); replace it' % (path, error)) from error


def _require_opaque(path, image):
    if image.getextrema()[3][0] < 255:
        raise UserError('%s: has transparent pixels, whose colour is undefined; '
                        'flatten it onto a background' % path)

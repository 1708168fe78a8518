"""Image files as uint8 arrays of shape `[H, W, 3]`."""
import os

import numpy as np
from PIL import Image

from sr_tf.errors import UserError
from sr_tf.images.formats import EXTENSIONS
from sr_tf.images.picture import as_rgb
from sr_tf.images.reader import read_picture, read_size
from sr_tf.paths import walk
from sr_tf.whole_file import whole_or_absent

__all__ = ['EXTENSIONS', 'find_images', 'is_image_name', 'read_rgb', 'read_size', 'to_uint8',
           'write_png']


def is_image_name(name):
    return name.lower().endswith(EXTENSIONS) and not name.startswith('.')


def find_images(folder):
    """The paths of all images below a folder, relative to it, in the order of their names."""
    if not os.path.isdir(folder):
        raise UserError('%s: no such folder' % folder)
    found = []
    for parent, names in walk(folder):
        relative = os.path.relpath(parent, folder)
        found += [os.path.normpath(os.path.join(relative, name))
                  for name in names if is_image_name(name)]
    return sorted(found)


def read_rgb(path):
    """The picture as RGB, upright: grey repeated, a palette looked up, opaque alpha dropped.

    One with more than 8 bits a channel is refused, and one with transparent pixels.
    """
    return as_rgb(read_channels(path))


def read_channels(path):
    """The same as it is in the file: of `[H, W, 1]` where that is grey."""
    picture = read_picture(path)
    if picture.pixels.dtype != np.uint8:
        raise UserError('%s: has more than 8 bits a channel; save it with 8 bits' % path)
    if picture.alpha is not None and picture.alpha.min() < 255:
        raise UserError('%s: has transparent pixels, whose colour is undefined; '
                        'flatten it onto a background' % path)
    return picture.pixels


def write_png(path, image):
    with whole_or_absent(path) as temporary:
        Image.fromarray(image).save(temporary, format='PNG')


def to_uint8(image):
    """A floating-point picture in 0..255, rounded and clipped."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)

"""Pictures for a card: parts of photographs, by bicubic, by the network and as they are."""
import os

import numpy as np
from PIL import Image

from dataloaders.demo_loader import DemoLoader
from sr_tf.chips.session import Chip
from sr_tf.images.files import to_uint8
from sr_tf.images.resize import downscale, upscale
from sr_tf.upscaler import load
from sr_tf.whole_file import whole_or_absent

# Top and left corners of what is shown, where there are edges and texture.
CORNERS = {'chelsea': (84, 120), 'coffee': (130, 280), 'rocket': (200, 30)}
HEIGHT, WIDTH, GAP = 120, 168, 6
ENLARGED = 2


def write(prefix):
    """NAME_x2.png and so on in `pictures/`, one for each scale."""
    loader = DemoLoader('valid', None, ())
    photographs = {pair.name: loader.read(pair.hr) for pair in loader.pairs()}
    with load(prefix, Chip('cpu', 'fp32')) as upscaler:
        for scale in upscaler.scales:
            rows = [_row(upscaler, scale, photographs[name], *corner)
                    for name, corner in sorted(CORNERS.items())]
            path = picture_of(prefix, scale)
            with whole_or_absent(path) as temporary:
                Image.fromarray(_joined(rows, 0)).save(temporary, 'png', optimize=True)


def picture_of(prefix, scale):
    folder, name = os.path.split(prefix)
    return os.path.join(folder, 'pictures', '%s_x%d.png' % (name.rpartition('_')[0], scale))


def _row(upscaler, scale, photograph, top, left):
    height, width = (size // scale * scale for size in photograph.shape[:2])
    truth = photograph[:height, :width]
    given = downscale(truth, scale)
    pictures = to_uint8(upscale(given, scale)), to_uint8(upscaler(given, scale)), truth
    return _joined([_twice(picture[top:top + HEIGHT, left:left + WIDTH]) for picture in pictures],
                   1)


def _twice(picture):
    """As large as screens want it, each pixel a square."""
    return picture.repeat(ENLARGED, 0).repeat(ENLARGED, 1)


def _joined(pictures, axis):
    gap = np.full_like(pictures[0], 255)
    gap = gap[:GAP] if axis == 0 else gap[:, :GAP]
    parts = [part for picture in pictures for part in (gap, picture)][1:]
    return np.concatenate(parts, axis)

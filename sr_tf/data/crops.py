"""Square crops of images, on a grid."""
import os

from sr_tf.data.ahead import computed_ahead
from sr_tf.data.archives import opened
from sr_tf.data.made_from import claim, stamp
from sr_tf.errors import UserError
from sr_tf.images import files


def positions(height, width, size, stride):
    """(top, left) of every crop that lies wholly inside an image, row by row."""
    return [(top, left) for top in range(0, height - size + 1, stride)
            for left in range(0, width - size + 1, stride)]


def crop_name(image_name, top, left):
    return '%s_%04d_%04d' % (image_name, top, left)


def write_crops(sources, folder, size, stride, progress):
    """Writes the crops of all images as PNG, but those that are there; returns how many there are.

    progress(done, total): called after each image.
    """
    claim(folder, {'patch_size': size, 'stride': stride, 'images': stamp(sources)})

    def write_missing(item):
        name, file = item
        places = {(top, left): os.path.join(folder, crop_name(name, top, left) + '.png')
                  for top, left in positions(*files.read_size(file), size, stride)}
        missing = [place for place, path in places.items() if not os.path.exists(path)]
        image = files.read_rgb(file) if missing else None
        for top, left in missing:
            files.write_png(places[top, left], image[top:top + size, left:left + size])
        return len(places)

    total = 0
    for done, count in enumerate(computed_ahead(write_missing, opened(sources)), 1):
        total += count
        progress(done, len(sources))
    require_some(total, size)
    return total


def require_some(count, size):
    if not count:
        raise UserError('no image is as large as --patch_size=%d; use a smaller one' % size)

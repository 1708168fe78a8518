"""Writes the h5 files that RDN was trained from: groups `lr` and `hr`, with keys '0', '1', ..."""
import contextlib
import json
import os

import h5py

from sr_tf.data.ahead import computed_ahead
from sr_tf.data.archives import opened
from sr_tf.data.made_from import require_same, stamp
from sr_tf.errors import UserError
from sr_tf.images import files, resize
from sr_tf.images.degradations import degrade
from sr_tf.whole_file import whole_or_absent

SETTINGS = 'made_from'


def write_h5(sources, path, scale, whole_images, progress, degradation='bicubic'):
    """Writes five half-size crops of each image, or whole images; returns how many pairs there are.

    A file that is there and was made from the same is kept.
    progress(done, total): called after each image.
    """
    settings = {'scale': scale, 'eval': whole_images, 'images': stamp(sources),
                'degradation': degradation}
    if os.path.exists(path):
        require_same(path, _read_settings(path), settings)
        return len(sources) * (1 if whole_images else 5)

    def pairs(item):
        image = files.read_rgb(item[1])
        return [_pair(crop, scale, degradation, item[1])
                for crop in ([image] if whole_images else five_crops(image))]

    count = 0
    with _created(path) as file:
        file.attrs[SETTINGS] = json.dumps(settings)
        groups = [file.create_group(name) for name in ('hr', 'lr')]
        for done, found in enumerate(computed_ahead(pairs, opened(sources)), 1):
            for pair in found:
                for group, image in zip(groups, pair):
                    group.create_dataset(str(count), data=image)
                count += 1
            progress(done, len(sources))
    return count


def five_crops(image):
    """The four corners and the centre, each with half the height and half the width."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    bottom, right = image.shape[0] - height, image.shape[1] - width
    corners = [(top, left) for top in (0, bottom) for left in (0, right)]
    centre = round(bottom / 2), round(right / 2)
    return [image[top:top + height, left:left + width] for top, left in corners + [centre]]


@contextlib.contextmanager
def _created(path):
    try:
        with whole_or_absent(path) as temporary, h5py.File(temporary, 'w') as file:
            yield file
    except RuntimeError as error:
        # What h5py makes of a full disk when it closes the file.
        raise UserError('%s: cannot be written: %s' % (path, error)) from error


def _pair(crop, scale, degradation, file):
    hr = resize.crop_to_multiple(crop, scale)
    if not hr.size:
        raise UserError('%s: its part of %dx%d is too small for x%d; remove the image'
                        % (file, crop.shape[1], crop.shape[0], scale))
    return hr, degrade(hr, scale, degradation)


def _read_settings(path):
    if os.path.isdir(path):
        raise UserError('%s: is a folder; --output_path must name the h5 file' % path)
    try:
        with h5py.File(path, 'r') as file:
            return json.loads(file.attrs.get(SETTINGS, '{}'))
    except (OSError, ValueError) as error:
        raise UserError('%s: is there already and is no h5 file of this program; remove it or '
                        'name another --output_path' % path) from error

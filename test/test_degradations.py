"""How LR pictures come about: against slow ones and Pillow, by name, and on the fly in training."""
import glob
import json
import math

import numpy as np
import pytest
from PIL import Image

from dataloaders.basic_loader import BasicLoader
from dataloaders.folder_loader import FolderLoader
from sr_tf.data.archives import find_images
from sr_tf.data.h5_file import write_h5
from sr_tf.data.low_resolution import low_resolution
from sr_tf.data.pack import open_pack
from sr_tf.errors import UsageError, UserError
from sr_tf.images.degradations import DEGRADATIONS, degrade, require_scales
from sr_tf.images.files import read_rgb, write_png
from sr_tf.images.resize import crop_to_multiple, downscale, upscale


def picture(height, width):
    return np.random.RandomState(height).randint(0, 256, (height, width, 3)).astype(np.uint8)


def slow_blur_down(image):
    """Pixel by pixel: the Gaussian around the middle of each 3x3 pixels, edges repeated."""
    height, width, channels = image.shape
    weights = {(y, x): math.exp(-(y * y + x * x) / (2 * 1.6 ** 2))
               for y in range(-3, 4) for x in range(-3, 4)}
    total = sum(weights.values())
    result = np.zeros((height // 3, width // 3, channels), np.uint8)
    for row, column, channel in np.ndindex(result.shape):
        blurred = sum(weight * float(image[min(max(3 * row + 1 + y, 0), height - 1),
                                           min(max(3 * column + 1 + x, 0), width - 1), channel])
                      for (y, x), weight in weights.items())
        result[row, column, channel] = math.floor(blurred / total + 0.5)
    return result


def test_blur_down_equals_the_slow_one(photos):
    for image in (picture(21, 15), read_rgb(str(photos / 'astronaut.png'))[:33, :48]):
        assert np.array_equal(degrade(image, 3, 'blur-down'), slow_blur_down(image))


def test_blur_down_lies_where_bicubic_does():
    """Turned pictures give turned ones, so nothing is shifted."""
    image = picture(30, 24)
    small = degrade(image, 3, 'blur-down')
    assert np.array_equal(degrade(image[::-1], 3, 'blur-down'), small[::-1])
    assert np.array_equal(degrade(image[:, ::-1], 3, 'blur-down'), small[:, ::-1])
    assert np.array_equal(degrade(image.swapaxes(0, 1), 3, 'blur-down'), small.swapaxes(0, 1))


def test_blur_down_is_for_one_scale():
    require_scales('blur-down', [3])
    with pytest.raises(UsageError) as refusal:
        require_scales('blur-down', [2, 3])
    assert str(refusal.value) == ('--degradation=blur-down: is defined for x3, not for x2; '
                                  'change --scales')


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_bicubic_pillow_is_that_of_pillow(scale):
    image = picture(25, 38)
    cropped = Image.fromarray(crop_to_multiple(image, scale))
    small = cropped.resize((38 // scale, 25 // scale), Image.BICUBIC)
    assert np.array_equal(degrade(image, scale, 'bicubic-pillow'), np.asarray(small))
    enlarged = small.resize(cropped.size, Image.BICUBIC)
    assert np.array_equal(
        DEGRADATIONS['bicubic-pillow'].enlarge(np.asarray(small), scale), np.asarray(enlarged))


def test_bicubic_is_that_of_papers():
    image = picture(25, 38)
    assert np.array_equal(degrade(image, 4, 'bicubic'), downscale(image[:24, :36], 4))


def test_grey_pictures_have_no_axis_for_colours():
    image = picture(12, 18)
    for name in ('bicubic', 'bicubic-pillow', 'blur-down'):
        assert np.array_equal(degrade(image[..., 0], 3, name), degrade(image, 3, name)[..., 0])


@pytest.fixture
def set_with_files(tmp_path):
    """A loader of one picture of 24x30 whose LR file at x3 is all sevens."""
    for folder, image in (('HR', picture(24, 30)), ('LR/x3', np.full((8, 10, 3), 7, np.uint8))):
        (tmp_path / folder).mkdir(parents=True)
        write_png(str(tmp_path / folder / 'one.png'), image)
    return BasicLoader(str(tmp_path / 'HR'), str(tmp_path / 'LR'), [3])


@pytest.mark.parametrize('name, reads', [('bicubic', True), ('unknown', True),
                                         ('bicubic-pillow', False), ('blur-down', False)])
def test_given_files_are_read_by_those_that_do_not_make_their_own(set_with_files, name, reads):
    pair, = set_with_files.pairs()
    hr = set_with_files.read(pair.hr)
    lr = low_resolution(set_with_files, pair, hr, 3, name)
    assert np.array_equal(lr, np.full((8, 10, 3), 7) if reads else degrade(hr, 3, name))


def test_unknown_makes_nothing(set_with_files):
    pair, = set_with_files.pairs()
    with pytest.raises(UserError, match=r'one\.png: has no x2 low-resolution image, and '
                                        '--degradation=unknown makes none'):
        low_resolution(set_with_files, pair, set_with_files.read(pair.hr), 2, 'unknown')


def packed_lr(pack, scale):
    data = np.fromfile(pack.path, np.uint8)
    return [data[plane.offset:plane.offset + plane.height * plane.stride]
            .reshape(plane.height, -1)[:, :plane.width * 3].reshape(plane.height, plane.width, 3)
            for plane in pack.lr[scale]]


@pytest.mark.parametrize('enlarged', [False, True])
def test_each_degradation_has_a_pack_of_its_own(photos, tmp_path, enlarged):
    loader = FolderLoader(str(photos), None, [3])
    names = ('bicubic', 'bicubic-pillow', 'blur-down')
    packs = {name: open_pack(loader, [3], str(tmp_path), enlarged, degradation=name)
             for name in names}
    assert len({pack.path for pack in packs.values()}) == 3
    for name in names:
        for found, pair in zip(packed_lr(packs[name], 3), loader.pairs()):
            expected = degrade(loader.read(pair.hr), 3, name)
            if enlarged:
                expected = DEGRADATIONS[name].enlarge(expected, 3)
            assert np.array_equal(found, expected)


def test_an_h5_file_as_that_of_rdn_is_made_by_pillow(photos, tmp_path):
    import h5py
    path = str(tmp_path / 'eval.h5')
    images = find_images([str(photos)])
    write_h5(images, path, 2, True, lambda done, total: None, 'bicubic-pillow')
    with h5py.File(path, 'r') as file:
        for key in file['hr']:
            hr, lr = (Image.fromarray(file[group][key][:]) for group in ('hr', 'lr'))
            assert np.array_equal(hr.resize(lr.size, Image.BICUBIC), lr)
    with pytest.raises(UserError, match='was not made with degradation=bicubic;'):
        write_h5(images, path, 2, True, lambda done, total: None)


def test_prepare_lr_makes_what_is_asked_for(run_script, photos, tmp_path):
    run_script('prepare.py', 'lr', '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
               '--output_path=%s' % tmp_path, '--scales=3', '--degradation=blur-down', check=True)
    for path in glob.glob(str(photos / '*.png')):
        made = tmp_path / 'x3' / path.split('/')[-1]
        assert np.array_equal(read_rgb(str(made)), degrade(read_rgb(path), 3, 'blur-down'))


def test_prepare_cannot_make_the_unknown(run_script, photos, tmp_path):
    result = run_script('prepare.py', 'lr', '--data_truth_path=%s' % photos,
                        '--output_path=%s' % tmp_path, '--degradation=unknown')
    assert result.returncode == 2
    assert result.stderr.strip() == ('prepare.py: error: --degradation=unknown: makes no images; '
                                     'name one that does')


def training(photos, folder, *more):
    return ('train.py', '--model=bsrn', '--bsrn_conv_features=4', '--bsrn_state_features=4',
            '--bsrn_recursions=1', '--batch_size=2', '--input_patch_size=4', '--chip=cpu',
            '--max_steps=1', '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
            '--train_path=%s' % folder) + more


def test_training_degrades_on_the_fly(run_script, photos, tmp_path):
    run_script(*training(photos, tmp_path / 'run', '--scales=3', '--degradation=blur-down',
                         '--pack_path=%s' % (tmp_path / 'packs')), check=True)
    index, = glob.glob(str(tmp_path / 'packs' / '*.json'))
    with open(index) as file:
        plane = json.load(file)['lr']['3'][0]
    name = sorted(glob.glob(str(photos / '*.png')))[0]
    expected = degrade(read_rgb(name), 3, 'blur-down')
    data = np.fromfile(glob.glob(str(tmp_path / 'packs' / '*.bin'))[0], np.uint8)
    first_row = data[plane[0]:plane[0] + expected[0].size]
    assert np.array_equal(first_row, expected[0].ravel())


@pytest.mark.parametrize('more, words', [
    (['--scales=2', '--degradation=blur-down'], 'is defined for x3, not for x2'),
    (['--scales=3', '--degradation=blur-down', '--data_input_path=LR'],
     '--degradation=blur-down makes the low-resolution images; give one of the two'),
])
def test_contradictions_are_refused(run_script, photos, tmp_path, more, words):
    result = run_script(*training(photos, tmp_path / 'run', *more))
    assert result.returncode == 2
    assert words in result.stderr and 'Traceback' not in result.stderr


def test_an_enlarged_lr_picture_has_the_size_of_the_hr_one():
    lr = picture(5, 7)
    for degradation in DEGRADATIONS.values():
        assert degradation.enlarge(lr, 3).shape == upscale(lr, 3).shape

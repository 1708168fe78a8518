"""Public test sets are found in the layouts in which they are passed on."""
import numpy as np
import pytest
from PIL import Image

import dataloaders
from sr_tf.errors import UsageError, UserError
from sr_tf.images import resize

NAMES = ('baby', 'bird')


def picture(seed, height=24, width=24):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


HR = {name: picture(seed) for seed, name in enumerate(NAMES)}
LR = {name: resize.downscale(image, 2) for name, image in HR.items()}

# For each layout: what --data_truth_path names, and where the pictures lie.
LAYOUTS = {
    'HR and LR': ('Set5', 'Set5/HR/{}.png', 'Set5/LR/x2/{}.png'),
    'LR in the style of DIV2K': ('Set5', 'Set5/HR/{}.png', 'Set5/LR/X2/{}x2.png'),
    'as EDSR': ('Set5', 'Set5/HR/{}.png', 'Set5/LR_bicubic/X2/{}x2.png'),
    'as SelfExSR': ('Set5', 'Set5/image_SRF_2/{}_SRF_2_HR.png', 'Set5/image_SRF_2/{}_SRF_2_LR.png'),
    'as BasicSR': ('Set5', 'Set5/GTmod12/{}.png', 'Set5/LRbicx2/{}.png'),
    'DIV2K in its folder': ('DIV2K', 'DIV2K/DIV2K_valid_HR/{}.png',
                            'DIV2K/DIV2K_valid_LR_bicubic/X2/{}x2.png'),
    'DIV2K beside the sets': ('DIV2K', 'DIV2K_valid_HR/{}.png',
                              'DIV2K_valid_LR_bicubic/X2/{}x2.png'),
    'part of DIV2K': ('DIV2K_valid', 'DIV2K/DIV2K_valid_HR/{}.png',
                      'DIV2K/DIV2K_valid_LR_bicubic/X2/{}x2.png'),
    'part of DIV2K beside the sets': ('DIV2K_valid', 'DIV2K_valid_HR/{}.png',
                                      'DIV2K_valid_LR_bicubic/X2/{}x2.png'),
    'plain folder': ('Set5', 'Set5/{}.bmp', None),
}


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(str(path))


def lay_out(root, hr, lr):
    for name in NAMES:
        save(root / hr.format(name), HR[name])
        if lr:
            save(root / lr.format(name), LR[name])


def loader(path, *scales):
    return dataloaders.find('benchmark_loader')(str(path), None, scales)


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_every_usual_layout_is_found(tmp_path, layout):
    path, hr, lr = LAYOUTS[layout]
    lay_out(tmp_path, hr, lr)
    found = loader(tmp_path / path, 2)
    pairs = found.pairs()
    assert [pair.name for pair in pairs] == list(NAMES)
    for pair in pairs:
        np.testing.assert_array_equal(found.read(pair.hr), HR[pair.name])
        assert bool(pair.lr) == bool(lr)
        if lr:
            np.testing.assert_array_equal(found.read(pair.lr[2]), LR[pair.name])


def test_a_scale_without_lr_images_has_none(tmp_path):
    lay_out(tmp_path, *LAYOUTS['HR and LR'][1:])
    assert [sorted(pair.lr) for pair in loader(tmp_path / 'Set5', 2, 3).pairs()] == [[2], [2]]


def test_unknown_lr_images_are_preferred_where_they_are_asked_for(tmp_path):
    unknown = {name: 255 - image for name, image in LR.items()}
    for layout in ('HR and LR', 'as BasicSR'):
        lay_out(tmp_path, *LAYOUTS[layout][1:])
    for name in NAMES:
        save(tmp_path / 'Set5' / 'LR_unknown' / 'x2' / (name + '.png'), unknown[name])
    for kind, images in (('bicubic', LR), ('unknown', unknown)):
        found = loader(tmp_path / 'Set5', 2)
        found.lr_kind = kind
        for pair in found.pairs():
            np.testing.assert_array_equal(found.read(pair.lr[2]), images[pair.name])


def test_files_that_are_called_bicubic_are_not_unknown(tmp_path):
    lay_out(tmp_path, *LAYOUTS['as BasicSR'][1:])
    found = loader(tmp_path / 'Set5', 2)
    found.lr_kind = 'unknown'
    assert [pair.lr for pair in found.pairs()] == [{}, {}]


def test_lr_images_may_be_there_for_some(tmp_path):
    lay_out(tmp_path, *LAYOUTS['HR and LR'][1:])
    (tmp_path / 'Set5' / 'LR' / 'x2' / 'bird.png').unlink()
    assert [sorted(pair.lr) for pair in loader(tmp_path / 'Set5', 2).pairs()] == [[2], []]


def test_other_pictures_of_the_folder_are_left_alone(tmp_path):
    lay_out(tmp_path, *LAYOUTS['as SelfExSR'][1:])
    for method in ('bicubic', 'SRCNN'):
        save(tmp_path / 'Set5' / 'image_SRF_2' / ('baby_SRF_2_%s.png' % method), HR['baby'])
    assert [pair.name for pair in loader(tmp_path / 'Set5', 2).pairs()] == list(NAMES)


def test_a_scale_that_a_set_lacks_is_made_of_the_pictures_of_another(tmp_path):
    lay_out(tmp_path, *LAYOUTS['as SelfExSR'][1:])
    first, _ = loader(tmp_path / 'Set5', 3).pairs()
    assert first.hr.endswith('image_SRF_2/baby_SRF_2_HR.png') and first.lr == {}


def test_each_scale_may_have_pictures_of_its_own(tmp_path):
    lay_out(tmp_path, *LAYOUTS['as SelfExSR'][1:])
    lay_out(tmp_path, 'Set5/image_SRF_4/{}_SRF_4_HR.png', None)
    assert 'image_SRF_4' in loader(tmp_path / 'Set5', 4).pairs()[0].hr
    with pytest.raises(UserError, match=r'Set5: has other HR images for each scale; .*--scales'):
        loader(tmp_path / 'Set5', 2, 4).pairs()


def test_a_set_that_is_not_there(tmp_path):
    lay_out(tmp_path, *LAYOUTS['HR and LR'][1:])
    (tmp_path / 'BSD100').mkdir()
    with pytest.raises(UserError, match=r'Set6: no such test set; .* holds BSD100, Set5$'):
        loader(tmp_path / 'Set6', 2).pairs()
    with pytest.raises(UserError, match=r'nowhere/Set5: no such test set; .*nowhere is no folder'):
        loader(tmp_path / 'nowhere' / 'Set5', 2).pairs()


@pytest.mark.parametrize('folder', ['HR', 'image_SRF_2'])
def test_an_empty_set(tmp_path, folder):
    (tmp_path / 'Set5' / folder).mkdir(parents=True)
    with pytest.raises(UserError, match='Set5: there are no HR images in .*Set5/%s' % folder):
        loader(tmp_path / 'Set5', 2).pairs()


def test_two_files_of_one_name(tmp_path):
    lay_out(tmp_path, *LAYOUTS['HR and LR'][1:])
    save(tmp_path / 'Set5' / 'HR' / 'baby.bmp', HR['baby'])
    with pytest.raises(UserError, match='baby.bmp and .*baby.png: two images of one name'):
        loader(tmp_path / 'Set5', 2).pairs()


def test_lr_images_of_other_names(tmp_path):
    lay_out(tmp_path, 'Set5/HR/{}.png', 'Set5/LR/x2/{}_LRBI.png')
    with pytest.raises(UserError, match=r'LR/x2: no image has the name of an HR image, .* baby'):
        loader(tmp_path / 'Set5', 2).pairs()


def test_a_folder_of_lr_images_is_not_taken_beside_the_set(tmp_path):
    with pytest.raises(UsageError, match='--data_input_path=LR: benchmark_loader finds'):
        dataloaders.find('benchmark_loader')(str(tmp_path), 'LR', (2,)).pairs()

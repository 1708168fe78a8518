"""What each loader finds in its layout, and that LR images that are made equal those given."""
import os

import numpy as np
import pytest
from PIL import Image

import dataloaders
from sr_tf.data.archives import find_images
from sr_tf.data.pack import open_pack
from sr_tf.errors import UsageError, UserError
from sr_tf.images import resize

SCALES = (2, 3)
DIV2K_NAMES = ('0001', '0002', '0801')


@pytest.fixture(scope='module')
def pictures():
    """Maps DIV2K's names to small pictures, no two of one size; one needs cropping at x2 and x3."""
    random = np.random.RandomState(0)
    return {name: random.randint(0, 256, (12 + 3 * index, 20 + index, 3)).astype(np.uint8)
            for index, name in enumerate(DIV2K_NAMES)}


@pytest.fixture(scope='module')
def layouts(tmp_path_factory, pictures):
    """The same pictures in all layouts on disk."""
    root = tmp_path_factory.mktemp('layouts')
    for name, picture in pictures.items():
        save(root / 'DIV2K_train_HR' / (name + '.png'), picture)
        save(root / 'set' / 'HR' / (name + '.png'), picture)
        save(root / 'nested' / name[:2] / (name + '.png'), picture)
        for scale in SCALES:
            lr = resize.downscale(resize.crop_to_multiple(picture, scale), scale)
            save(root / 'DIV2K_train_LR_bicubic' / ('X%d' % scale)
                 / ('%sx%d.png' % (name, scale)), lr)
            save(root / 'set' / 'LR' / ('x%d' % scale) / (name + '.png'), lr)
    return root


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(str(path))


def loader(name, truth, lr=None, scales=SCALES):
    return dataloaders.find(name)(truth and str(truth), lr and str(lr), scales)


def relative(path, root):
    return os.path.relpath(path, str(root))


def test_every_loader_has_a_name():
    assert {'basic_loader', 'demo_loader', 'div2k_loader',
            'folder_loader'} <= set(dataloaders.names())
    for name in dataloaders.names():
        assert dataloaders.find(name).__module__ == 'dataloaders.' + name


def test_an_unknown_loader_is_refused_with_the_names_of_all():
    with pytest.raises(UsageError, match='--dataloader=zip_loader.*basic_loader.*div2k_loader'):
        dataloaders.find('zip_loader')


def test_div2k(layouts):
    pairs = loader('div2k_loader', layouts / 'DIV2K_train_HR',
                   layouts / 'DIV2K_train_LR_bicubic').pairs()
    assert tuple(pair.name for pair in pairs) == DIV2K_NAMES
    last = pairs[-1]
    assert relative(last.hr, layouts) == 'DIV2K_train_HR/0801.png'
    assert {scale: relative(path, layouts) for scale, path in last.lr.items()} == {
        2: 'DIV2K_train_LR_bicubic/X2/0801x2.png', 3: 'DIV2K_train_LR_bicubic/X3/0801x3.png'}


def test_div2k_wants_the_scale_in_the_names(tmp_path, pictures):
    save(tmp_path / 'HR' / '0001.png', pictures['0001'])
    save(tmp_path / 'LR' / 'X2' / '0001.png', pictures['0001'])
    with pytest.raises(UserError, match=r'LR/X2/0001\.png: its name should end in x2'):
        loader('div2k_loader', tmp_path / 'HR', tmp_path / 'LR', [2]).pairs()


def test_basic(layouts):
    pairs = loader('basic_loader', layouts / 'set' / 'HR', layouts / 'set' / 'LR').pairs()
    assert tuple(pair.name for pair in pairs) == DIV2K_NAMES
    assert relative(pairs[0].hr, layouts) == 'set/HR/0001.png'
    assert {scale: relative(path, layouts) for scale, path in pairs[0].lr.items()} == {
        2: 'set/LR/x2/0001.png', 3: 'set/LR/x3/0001.png'}


@pytest.mark.parametrize('name', ['div2k_loader', 'basic_loader', 'folder_loader'])
def test_without_an_lr_folder_no_lr_image_is_named(layouts, name):
    pairs = loader(name, layouts / 'set' / 'HR').pairs()
    assert [(pair.name, pair.lr) for pair in pairs] == [(name, {}) for name in DIV2K_NAMES]


def test_only_the_lr_images_of_the_wanted_scales_are_asked_for(layouts):
    pairs = loader('basic_loader', layouts / 'set' / 'HR', layouts / 'set' / 'LR', [3]).pairs()
    assert [sorted(pair.lr) for pair in pairs] == [[3]] * 3


def test_a_nested_folder_keeps_its_structure_in_the_names(layouts):
    pairs = loader('folder_loader', layouts / 'nested').pairs()
    assert [pair.name for pair in pairs] == ['00/0001', '00/0002', '08/0801']
    assert relative(pairs[2].hr, layouts) == 'nested/08/0801.png'


def test_several_folders_may_hold_images_of_the_same_names(layouts):
    folders = '%s,%s' % (layouts / 'set' / 'HR', layouts / 'DIV2K_train_HR')
    pairs = loader('folder_loader', folders).pairs()
    assert len(pairs) == 6
    assert len({pair.name for pair in pairs}) == 6
    assert [relative(pair.hr, layouts) for pair in pairs] == [
        '%s/%s.png' % (folder, name)
        for folder in ('set/HR', 'DIV2K_train_HR') for name in DIV2K_NAMES]


def test_none_of_several_folders_may_be_empty(layouts, tmp_path):
    folders = '%s,%s' % (layouts / 'set' / 'HR', tmp_path)
    with pytest.raises(UserError, match='--data_truth_path=.*: no images found in %s' % tmp_path):
        loader('folder_loader', folders).pairs()
    with pytest.raises(UserError, match='%s: no images found' % tmp_path):
        find_images(folders.split(','))


def test_other_files_and_hidden_ones_are_no_images(tmp_path, pictures):
    for name in ('b.JPG', 'a.png', '.c.png'):
        save(tmp_path / name, pictures['0001'])
    (tmp_path / 'notes.txt').write_text('no image')
    assert [pair.name for pair in loader('folder_loader', tmp_path).pairs()] == ['a', 'b']


@pytest.mark.parametrize('name', ['div2k_loader', 'basic_loader', 'folder_loader'])
def test_the_folder_of_hr_images_is_required(name):
    with pytest.raises(UsageError, match='--data_truth_path is missing.*' + name):
        loader(name, None).pairs()


@pytest.mark.parametrize('name', ['div2k_loader', 'basic_loader', 'folder_loader'])
def test_an_empty_folder_is_an_error(tmp_path, name):
    with pytest.raises(UserError, match='%s: no images found' % tmp_path):
        loader(name, tmp_path).pairs()


def test_the_demo_has_photographs_to_train_on_and_others_to_score():
    pytest.importorskip('skimage')
    sets = {name: loader('demo_loader', name) for name in ('train', 'valid')}
    names = {name: [pair.name for pair in demo.pairs()] for name, demo in sets.items()}
    assert len(names['train']) >= 5
    assert len(names['valid']) >= 3
    assert not set(names['train']) & set(names['valid'])
    assert [pair.name for pair in loader('demo_loader', None).pairs()] == names['train']
    for demo in sets.values():
        for pair in demo.pairs():
            assert pair.lr == {}
            assert demo.read(pair.hr).shape == demo.size(pair.hr) + (3,)


def test_the_demo_has_no_other_sets():
    with pytest.raises(UsageError, match='--data_truth_path=test: .*train or valid'):
        loader('demo_loader', 'test').pairs()


def pixels(pack):
    """All pictures in a pack, by what they are; read as its `Plane`s say."""
    raw = np.fromfile(pack.path, np.uint8)

    def picture(plane):
        rows = raw[plane.offset:plane.offset + plane.height * plane.stride]
        return rows.reshape(plane.height, plane.stride)[:, :3 * plane.width].reshape(
            plane.height, plane.width, 3)

    found = {(name, 'hr'): picture(plane) for name, plane in zip(pack.names, pack.hr)}
    for scale, planes in pack.lr.items():
        found.update({(name, scale): picture(plane) for name, plane in zip(pack.names, planes)})
    return found


@pytest.mark.parametrize('name, truth, lr', [
    ('basic_loader', 'set/HR', 'set/LR'),
    ('div2k_loader', 'DIV2K_train_HR', 'DIV2K_train_LR_bicubic'),
])
def test_lr_images_given_and_made_are_packed_alike(layouts, pictures, tmp_path, name, truth, lr):
    given = pixels(open_pack(loader(name, layouts / truth, layouts / lr), SCALES, str(tmp_path)))
    made = pixels(open_pack(loader(name, layouts / truth), SCALES, str(tmp_path)))
    assert len(given) == len(pictures) * (1 + len(SCALES))
    assert sorted(given, key=str) == sorted(made, key=str)
    for key in given:
        np.testing.assert_array_equal(given[key], made[key], err_msg=str(key))
    for name, picture in pictures.items():
        np.testing.assert_array_equal(given[name, 'hr'], picture)


def test_an_lr_image_that_is_given_is_packed_as_it_is(layouts, tmp_path):
    """`LR_unknown` was not made by bicubic: what is given counts."""
    lr = np.arange(6 * 10 * 3, dtype=np.uint8).reshape(6, 10, 3)
    save(tmp_path / 'LR' / 'X2' / '0001x2.png', lr)
    save(tmp_path / 'HR' / '0001.png', np.zeros((12, 20, 3), np.uint8))
    unknown = loader('div2k_loader', tmp_path / 'HR', tmp_path / 'LR', [2])
    packed = pixels(open_pack(unknown, [2], str(tmp_path / 'packs')))
    np.testing.assert_array_equal(packed['0001', 2], lr)

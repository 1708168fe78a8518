"""h5 files, TFRecord files, crops and archives: what is written, read back, and refused."""
import io
import json
import os
import shutil
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from dataloaders.folder_loader import FolderLoader
from dataloaders.h5_loader import H5Loader
from dataloaders.tfrecord_loader import TFRecordLoader
from sr_tf.compat import tf
from sr_tf.data.archives import find_images
from sr_tf.data.crc32c import crc32c
from sr_tf.data.crops import write_crops
from sr_tf.data.h5_file import write_h5
from sr_tf.data.pack import open_pack
from sr_tf.data.shards import write_shards
from sr_tf.errors import UsageError, UserError
from sr_tf.images import files, resize

SIZE, STRIDE = 36, 30  # four and more crops of a 96x96 photograph, which overlap


def ignore(done, total):
    pass


def interrupt_after(count):
    def progress(done, total):
        if done == count:
            raise KeyboardInterrupt

    return progress


def read_all(folder):
    return {name: files.read_rgb(os.path.join(str(folder), name))
            for name in files.find_images(str(folder))}


def same(images, others):
    return len(images) == len(others) and all(map(np.array_equal, images, others))


def packed(loader, folder):
    """The pixels in a pack: HR, and LR of each scale."""
    pack = open_pack(loader, loader.scales, str(folder))
    data = np.fromfile(pack.path, np.uint8)

    def pixels(plane):
        rows = data[plane.offset:plane.offset + plane.height * plane.stride]
        return rows.reshape(plane.height, -1)[:, :plane.width * 3].reshape(
            plane.height, plane.width, 3)

    return [pixels(plane) for planes in [pack.hr] + [pack.lr[scale] for scale in loader.scales]
            for plane in planes]


def write_photos_h5(photos, path, whole_images=False, scale=2, progress=ignore):
    return write_h5(find_images([str(photos)]), str(path), scale, whole_images, progress)


def make_archive(folder, path):
    """Packs a folder's images below `pictures/`, in an order of no meaning."""
    names = sorted(files.find_images(str(folder)), key=lambda name: name[::-1])
    path = str(path)
    if path.endswith('.zip'):
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(os.path.join(str(folder), name), 'pictures/' + name)
            archive.writestr('pictures/readme.txt', 'not an image')
            archive.writestr('__MACOSX/pictures/._' + names[0], 'not an image either')
    else:
        with tarfile.open(path, 'w:gz' if path.endswith('gz') else 'w') as archive:
            for name in names:
                archive.add(os.path.join(str(folder), name), './pictures/' + name)
    return path


@pytest.fixture
def photos_h5(photos, tmp_path):
    path = tmp_path / 'photos_x2.h5'
    write_photos_h5(photos, path, whole_images=True)
    return path


@pytest.fixture
def shards(photos, tmp_path):
    folder = tmp_path / 'shards'
    write_shards(find_images([str(photos)]), str(folder), SIZE, STRIDE, 3, ignore)
    return folder


def test_h5_file_has_five_crops_of_an_image_with_odd_sides(tmp_path):
    image = np.random.RandomState(0).randint(0, 256, (51, 38, 3)).astype(np.uint8)
    files.write_png(str(tmp_path / 'in' / 'odd.png'), image)
    path = tmp_path / 'odd.h5'
    assert write_photos_h5(tmp_path / 'in', path) == 5
    with h5py.File(str(path), 'r') as file:
        hr, lr = ([file[group][str(key)][()] for key in range(5)] for group in ('hr', 'lr'))
        assert sorted(file['lr']) == sorted(file['hr']) == ['0', '1', '2', '3', '4']
    # Half of 51x38 is 25x19, of which x2 uses 24x18.
    corners = [(0, 0), (0, 19), (26, 0), (26, 19), (13, 10)]
    expected = [image[top:top + 24, left:left + 18] for top, left in corners]
    assert same(hr, expected)
    assert same(lr, [resize.downscale(crop, 2) for crop in expected])


def test_h5_file_is_read_in_the_order_of_its_numbers(tmp_path):
    path = str(tmp_path / 'rdn.h5')
    with h5py.File(path, 'w') as file:
        for key in range(11):
            file.create_dataset('lr/%d' % key, data=np.full((4, 5, 3), key, np.uint8))
            file.create_dataset('hr/%d' % key, data=np.full((12, 15, 3), key, np.uint8))
    loader = H5Loader(path, None, [3])
    pairs = loader.pairs()
    assert [pair.name for pair in pairs] == [str(key) for key in range(11)]
    assert pairs[10].hr == (path, 'hr/10') and pairs[10].lr == {3: (path, 'lr/10')}
    assert (loader.read(pairs[10].hr) == 10).all()
    assert loader.size(pairs[10].lr[3]) == (4, 5)


def test_training_from_h5_sees_the_pixels_of_the_folder(photos, photos_h5, tmp_path):
    from_folder = packed(FolderLoader(str(photos), None, [2]), tmp_path / 'packs')
    assert same(packed(H5Loader(str(photos_h5), None, [2]), tmp_path / 'packs'), from_folder)


def test_two_h5_files_are_read_as_one(photos_h5):
    pairs = H5Loader('%s,%s' % (photos_h5, photos_h5), None, [2]).pairs()
    assert len({pair.name for pair in pairs}) == len(pairs) == 8


def test_training_from_tfrecord_sees_the_pixels_of_the_crops(photos, shards, tmp_path):
    crops = tmp_path / 'crops'
    count = write_crops(find_images([str(photos)]), str(crops), SIZE, STRIDE, ignore)
    assert count == len(files.find_images(str(crops))) == 4 * 9
    from_folder = packed(FolderLoader(str(crops), None, [2, 3]), tmp_path / 'packs')
    loader = TFRecordLoader(str(shards), None, [2, 3])
    assert same(packed(loader, tmp_path / 'packs'), from_folder)
    assert loader.size(loader.pairs()[0].hr) == (SIZE, SIZE)


def test_crops_are_where_their_names_say(photos, tmp_path):
    write_crops(find_images([str(photos)]), str(tmp_path / 'crops'), SIZE, STRIDE, ignore)
    photo = files.read_rgb(str(photos / 'coffee.png'))
    crop = files.read_rgb(str(tmp_path / 'crops' / 'coffee_0030_0060.png'))
    assert np.array_equal(crop, photo[30:66, 60:96])


def test_crops_of_an_image_that_has_changed_are_not_taken_for_its_own(photos, tmp_path):
    mine = tmp_path / 'mine'
    shutil.copytree(str(photos), str(mine))
    write_crops(find_images([str(mine)]), str(tmp_path / 'crops'), SIZE, STRIDE, ignore)
    shutil.copy(str(photos / 'coffee.png'), str(mine / 'rocket.png'))
    with pytest.raises(UserError, match='was not made from these images'):
        write_crops(find_images([str(mine)]), str(tmp_path / 'crops'), SIZE, STRIDE, ignore)


def test_images_smaller_than_all_crops_are_an_error(photos, tmp_path):
    sources = find_images([str(photos)])
    with pytest.raises(UserError, match='--patch_size=97'):
        write_crops(sources, str(tmp_path / 'crops'), 97, 97, ignore)
    with pytest.raises(UserError, match='--patch_size=97'):
        write_shards(sources, str(tmp_path / 'shards'), 97, 97, 2, ignore)


@pytest.mark.parametrize('name', ['photos.zip', 'photos.tar', 'photos.tar.gz', 'photos.TGZ'])
def test_archives_give_what_the_folder_gives(photos, tmp_path, name):
    archive = make_archive(photos, tmp_path / name)
    write_crops(find_images([str(photos)]), str(tmp_path / 'one'), SIZE, STRIDE, ignore)
    write_crops(find_images([archive]), str(tmp_path / 'other'), SIZE, STRIDE, ignore)
    one, other = read_all(tmp_path / 'one'), read_all(tmp_path / 'other' / 'pictures')
    assert sorted(one) == sorted(other)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_archives_below_a_folder_are_found(photos, tmp_path):
    folder = tmp_path / 'all' / 'more'
    folder.mkdir(parents=True)
    make_archive(photos, folder / 'photos.zip')
    files.write_png(str(tmp_path / 'all' / 'plain.png'), np.zeros((8, 8, 3), np.uint8))
    names = ['more/pictures/' + name[:-len('.png')] for name in files.find_images(str(photos))]
    assert sorted(source.name for source in find_images([str(tmp_path / 'all')])) == sorted(
        names + ['plain'])


def test_several_folders_keep_their_names_apart(photos, tmp_path):
    files.write_png(str(tmp_path / 'more' / 'coffee.png'), np.zeros((8, 8, 3), np.uint8))
    names = [source.name for source in find_images([str(photos), str(tmp_path / 'more')])]
    assert 'more/coffee' in names and os.path.basename(str(photos)) + '/coffee' in names


def test_two_images_of_one_name_are_an_error(photos, tmp_path):
    archive = make_archive(photos, tmp_path / 'a.zip')
    with pytest.raises(UserError, match='a.zip.*and.*a.zip.*two images of one name'):
        find_images([archive, archive])


@pytest.mark.parametrize('kind', ['zip', 'tar', 'tar.gz'])
@pytest.mark.parametrize('member', ['../evil.png', 'a/../../evil.png', '/tmp/evil.png',
                                    '..\\evil.png', 'C:\\evil.png', '../evil.txt'])
def test_archive_with_a_path_that_leads_outside_is_refused(tmp_path, kind, member):
    path = str(tmp_path / ('evil.' + kind))
    if kind == 'zip':
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr(member, b'')
    else:
        with tarfile.open(path, 'w:gz' if kind == 'tar.gz' else 'w') as archive:
            archive.addfile(tarfile.TarInfo(member), io.BytesIO())
    with pytest.raises(UserError) as failure:
        find_images([path])
    assert path in str(failure.value) and repr(member) in str(failure.value)


def test_link_in_a_tar_is_refused(tmp_path):
    path = str(tmp_path / 'links.tar')
    with tarfile.open(path, 'w') as archive:
        member = tarfile.TarInfo('secret.png')
        member.type, member.linkname = tarfile.SYMTYPE, '/etc/passwd'
        archive.addfile(member)
    with pytest.raises(UserError, match='links.tar.secret.png: is a link'):
        find_images([path])


@pytest.mark.parametrize('name', ['photos.zip', 'photos.tar', 'photos.tar.gz'])
def test_truncated_archive_is_named(photos, tmp_path, name):
    path = make_archive(photos, tmp_path / name)
    os.truncate(path, os.path.getsize(path) // 2)
    with pytest.raises(UserError, match=name):
        write_crops(find_images([path]), str(tmp_path / 'crops'), SIZE, STRIDE, ignore)


def test_damaged_compression_is_named(photos, tmp_path):
    pytest.importorskip('lzma')
    path = str(tmp_path / 'photos.zip')
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_LZMA) as archive:
        archive.write(str(photos / 'chelsea.png'), 'chelsea.png')
    data = bytearray(open(path, 'rb').read())
    data[200:300] = bytes(100)
    with open(path, 'wb') as file:
        file.write(data)
    with pytest.raises(UserError, match='photos.zip: cannot be read as an archive'):
        write_crops(find_images([path]), str(tmp_path / 'crops'), SIZE, STRIDE, ignore)


def test_names_of_another_encoding(photos, tmp_path):
    name = os.fsdecode(b'caf\xe9')
    (tmp_path / 'photos').mkdir()
    shutil.copy(str(photos / 'chelsea.png'), str(tmp_path / 'photos' / (name + '.png')))
    write_shards(find_images([str(tmp_path / 'photos')]), str(tmp_path / 'shards'), SIZE, STRIDE,
                 1, ignore)
    shard, = (tmp_path / 'shards').glob('*.tfrecord')
    count = len(TFRecordLoader(str(tmp_path / 'shards'), None, (2,)).pairs())
    assert count == 9 == shard.read_bytes().count(b'caf\xe9')


def test_tar_cut_between_two_members_is_refused(photos, tmp_path):
    path = make_archive(photos, tmp_path / 'photos.tar')
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    for cut in (last.offset + 100, last.offset):
        os.truncate(path, cut)
        with pytest.raises(UserError, match='photos.tar: cannot be read .*unexpected end'):
            find_images([path])


def test_damaged_image_in_an_archive_is_named(tmp_path):
    path = str(tmp_path / 'photos.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a/b.png', b'not a picture')
    with pytest.raises(UserError, match='photos.zip/a/b.png: not an image'):
        write_crops(find_images([path]), str(tmp_path / 'crops'), SIZE, STRIDE, ignore)


@pytest.mark.parametrize('missing', ['folder', 'archive.zip', 'archive.tar'])
def test_missing_folder_or_archive_is_named(tmp_path, missing):
    with pytest.raises(UserError, match=missing):
        find_images([str(tmp_path / missing)])


def test_folder_without_images_is_named(tmp_path):
    with pytest.raises(UserError, match='no images found'):
        find_images([str(tmp_path)])


PICTURE = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize('content, message', [
    ({'lr/0': PICTURE, 'hr/1': PICTURE}, 'lr/0 has no hr/0'),
    ({'lr/0': PICTURE, 'hr/0': PICTURE, 'hr/1': PICTURE}, 'hr/1 has no lr/1'),
    ({'hr/0': PICTURE}, "no group 'lr'"),
    ({'lr': PICTURE, 'hr': PICTURE}, "no group 'hr'"),
    ({'lr/0': PICTURE, 'hr/0': PICTURE.astype(np.float32)}, 'hr/0: is float32'),
    ({'lr/0': PICTURE[..., 0], 'hr/0': PICTURE}, r'lr/0: is uint8 of shape \[8, 8\]'),
    ({'lr/0': PICTURE[:3], 'hr/0': PICTURE}, 'hr/0: is 8x8, which is no multiple of lr/0 of 8x3'),
    ({'lr/0/0': PICTURE, 'hr/0': PICTURE}, 'lr/0: is a group'),
])
def test_h5_file_with_a_fault_is_refused(tmp_path, content, message):
    path = str(tmp_path / 'bad.h5')
    with h5py.File(path, 'w') as file:
        for key, value in content.items():
            file.create_dataset(key, data=value)
    with pytest.raises(UserError, match=message) as failure:
        H5Loader(path, None, [1]).pairs()
    assert path in str(failure.value)


def test_empty_h5_file_is_refused(tmp_path):
    path = str(tmp_path / 'empty.h5')
    with h5py.File(path, 'w') as file:
        file.create_group('lr')
        file.create_group('hr')
    with pytest.raises(UserError, match='empty.h5: its groups'):
        H5Loader(path, None, [2]).pairs()


@pytest.mark.parametrize('scales', [[3], [2, 3]])
def test_h5_file_of_another_scale_says_which(photos_h5, scales):
    with pytest.raises(UsageError, match='photos_x2.h5: lr/0 is for x2'):
        H5Loader(str(photos_h5), None, scales).pairs()


def test_what_is_no_h5_file_is_refused(photos_h5, tmp_path):
    os.truncate(str(photos_h5), 5000)
    text = tmp_path / 'text.h5'
    text.write_text('no h5 file')
    for path in (photos_h5, text):
        with pytest.raises(UserError, match='%s: not an h5 file' % path.name):
            H5Loader(str(path), None, [2]).pairs()
    with pytest.raises(UserError, match='absent.h5: no such file'):
        H5Loader(str(tmp_path / 'absent.h5'), None, [2]).pairs()


@pytest.mark.parametrize('data, crc', [
    (b'', 0), (b'123456789', 0xe3069283), (b'\0' * 32, 0x8a9136aa), (b'\xff' * 32, 0x62a8ab43)])
def test_crc32c_is_that_of_the_standard(data, crc):
    assert crc32c(data) == crc


@pytest.mark.parametrize('size', [511, 512, 513, 2000])
def test_crc32c_of_many_blocks(size):
    data = np.random.RandomState(size).bytes(size)
    remainder = 0xffffffff
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82f63b78 if remainder & 1 else 0)
    assert crc32c(data) == remainder ^ 0xffffffff


def test_tensorflow_reads_our_records(photos, shards):
    crops = []
    for name in sorted(os.listdir(str(shards))):
        if name.endswith('.tfrecord'):
            crops += [tf.train.Example.FromString(data).features.feature
                      for data in tf.io.tf_record_iterator(str(shards / name))]
    assert len(crops) == 4 * 9
    crop = next(crop for crop in crops if crop['name'].bytes_list.value[0] == b'coffee_0060_0030')
    assert crop['height'].int64_list.value[0] == crop['width'].int64_list.value[0] == SIZE
    pixels = np.frombuffer(crop['hr'].bytes_list.value[0], np.uint8).reshape(SIZE, SIZE, 3)
    photo = files.read_rgb(str(photos / 'coffee.png'))
    assert np.array_equal(pixels, photo[60:96, 30:66])


def write_with_tensorflow(path, **features):
    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    example = tf.train.Example(features=tf.train.Features(
        feature={name: feature(value) for name, value in features.items()}))
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(example.SerializeToString())


def test_records_of_tensorflow_are_read(tmp_path):
    path = str(tmp_path / 'own.tfrecord')
    image = np.arange(300 * 4 * 3, dtype=np.uint32).astype(np.uint8).reshape(300, 4, 3)
    write_with_tensorflow(path, hr=image.tobytes(), height=300, width=4, weight=0.5)
    loader = TFRecordLoader(path, None, [2])
    pair, = loader.pairs()
    assert pair.name == 'own/0' and not pair.lr
    assert np.array_equal(loader.read(pair.hr), image)


@pytest.mark.parametrize('features, message', [
    ({'height': 2, 'width': 2}, "no feature 'hr'"),
    ({'hr': b'123', 'height': 2, 'width': 2}, 'holds 3 bytes, which are not 2x2'),
    ({'hr': b'123', 'height': b'2', 'width': 2}, "no feature 'height' of type int"),
])
def test_record_without_a_picture_is_refused(tmp_path, features, message):
    path = str(tmp_path / 'other.tfrecord')
    write_with_tensorflow(path, **features)
    loader = TFRecordLoader(path, None, [2])
    with pytest.raises(UserError, match='other.tfrecord: record 0.*' + message):
        loader.read(loader.pairs()[0].hr)


@pytest.mark.parametrize('lost', [1, 5, 4000])
def test_truncated_shard_is_named(shards, lost):
    path = str(shards / 'images-00001-of-00003.tfrecord')
    os.truncate(path, os.path.getsize(path) - lost)
    with pytest.raises(UserError, match='images-00001-of-00003.tfrecord: truncated'):
        TFRecordLoader(str(shards), None, [2]).pairs()


def test_shard_that_ends_in_a_header_is_named(shards):
    path = str(shards / 'images-00000-of-00003.tfrecord')
    os.truncate(path, 7)
    with pytest.raises(UserError, match='images-00000-of-00003.tfrecord: truncated'):
        TFRecordLoader(str(shards), None, [2]).pairs()


def test_damaged_record_is_named(shards):
    path = str(shards / 'images-00000-of-00003.tfrecord')
    with open(path, 'r+b') as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    loader = TFRecordLoader(path, None, [2])
    with pytest.raises(UserError, match='images-00000-of-00003.tfrecord: record 0 is damaged'):
        loader.read(loader.pairs()[0].hr)


def test_missing_shard_is_named(shards):
    os.remove(str(shards / 'images-00001-of-00003.tfrecord'))
    with pytest.raises(UserError, match='images-00001-of-00003.tfrecord: is missing'):
        TFRecordLoader(str(shards), None, [2]).pairs()


def test_what_is_no_tfrecord_is_refused(photos, tmp_path):
    with pytest.raises(UserError, match='coffee.png: not a TFRecord file'):
        TFRecordLoader(str(photos / 'coffee.png'), None, [2]).pairs()
    with pytest.raises(UserError, match='no TFRecord files'):
        TFRecordLoader(str(tmp_path), None, [2]).pairs()


def test_interrupted_shards_are_continued(photos, tmp_path):
    sources = find_images([str(photos)])
    folder = str(tmp_path / 'shards')
    # Shards 0, 1 and 2 hold one, one and two of the four images.
    with pytest.raises(KeyboardInterrupt):
        write_shards(sources, folder, SIZE, STRIDE, 3, interrupt_after(3))
    finished = ['images-00000-of-00003.tfrecord', 'images-00001-of-00003.tfrecord']
    assert sorted(os.listdir(folder)) == finished + ['made_from.json']
    kept = [os.stat(os.path.join(folder, name)).st_ino for name in finished]

    seen = []
    assert write_shards(sources, folder, SIZE, STRIDE, 3, lambda *call: seen.append(call)) == 36
    assert seen == [(3, 4), (4, 4)]
    assert [os.stat(os.path.join(folder, name)).st_ino for name in finished] == kept
    write_shards(sources, str(tmp_path / 'at_once'), SIZE, STRIDE, 3, ignore)
    for name in os.listdir(folder):
        at_once = tmp_path / 'at_once' / name
        assert (tmp_path / 'shards' / name).read_bytes() == at_once.read_bytes()


def test_interrupted_crops_are_continued(photos, tmp_path):
    sources = find_images([str(photos)])
    folder = tmp_path / 'crops'
    with pytest.raises(KeyboardInterrupt):
        write_crops(sources, str(folder), SIZE, STRIDE, interrupt_after(1))
    files.write_png(str(folder / 'astronaut_0000_0000.png'), np.zeros((SIZE, SIZE, 3), np.uint8))
    os.remove(str(folder / 'astronaut_0000_0030.png'))
    assert write_crops(sources, str(folder), SIZE, STRIDE, ignore) == 36
    crops = read_all(folder)
    assert len(crops) == 36 and crops['astronaut_0000_0030.png'].any()
    assert not crops['astronaut_0000_0000.png'].any(), 'a crop that is there was written again'


def test_interrupted_h5_file_is_absent_and_a_finished_one_is_kept(photos, tmp_path):
    path = tmp_path / 'photos.h5'
    with pytest.raises(KeyboardInterrupt):
        write_photos_h5(photos, path, progress=interrupt_after(2))
    assert not os.listdir(str(tmp_path))
    assert write_photos_h5(photos, path) == 20
    before = path.stat().st_ino
    assert write_photos_h5(photos, path) == 20
    assert path.stat().st_ino == before


def test_output_that_was_made_otherwise_is_not_mixed_with(photos, shards, photos_h5, tmp_path):
    sources = find_images([str(photos)])
    with pytest.raises(UserError, match='photos_x2.h5: is there already.*scale=3'):
        write_photos_h5(photos, photos_h5, whole_images=True, scale=3)
    with pytest.raises(UserError, match='shards: is there already.*patch_size=48'):
        write_shards(sources, str(shards), 48, STRIDE, 3, ignore)
    with pytest.raises(UserError, match='shards: is there already.*from these images'):
        write_shards(sources[1:], str(shards), SIZE, STRIDE, 3, ignore)
    foreign = tmp_path / 'foreign.h5'
    foreign.write_text('precious')
    with pytest.raises(UserError, match='foreign.h5: is there already'):
        write_photos_h5(photos, foreign)
    assert foreign.read_text() == 'precious'
    with pytest.raises(UserError, match='is a folder'):
        write_photos_h5(photos, tmp_path)


def test_note_of_what_was_made_is_for_people_too(shards):
    noted = json.loads((shards / 'made_from.json').read_text())
    assert noted['patch_size'] == SIZE and noted['stride'] == STRIDE and noted['num_shards'] == 3


def test_image_too_small_for_half_size_crops_is_named(tmp_path):
    Image.new('RGB', (40, 3)).save(str(tmp_path / 'thin.png'))
    with pytest.raises(UserError, match='thin.png: its part of 20x1 is too small for x2'):
        write_photos_h5(tmp_path, tmp_path / 'thin.h5')


def test_commands_make_what_the_loaders_read(run_script, photos, tmp_path):
    archive = make_archive(photos, tmp_path / 'photos.zip')

    def prepare(command, name, *flags):
        result = run_script('prepare.py', command, '--data_truth_path=%s' % archive,
                            '--output_path=%s' % (tmp_path / name), *flags, check=True)
        return result.stdout.split(' in ')[0]

    assert prepare('crops', 'crops', '--patch_size=48') == '16 crops'
    assert prepare('tfrecord', 'shards', '--patch_size=36', '--stride=30') == '36 crops'
    assert prepare('h5', 'train.h5', '--scales=3') == '20 pairs at x3'
    assert prepare('h5', 'valid.h5', '--scales=3', '--eval') == '4 pairs at x3'
    assert len(FolderLoader(str(tmp_path / 'crops'), None, [3]).pairs()) == 16
    assert len(TFRecordLoader(str(tmp_path / 'shards'), None, [3]).pairs()) == 36
    assert len(H5Loader(str(tmp_path / 'train.h5'), None, [3]).pairs()) == 20
    assert H5Loader(str(tmp_path / 'valid.h5'), None, [3]).pairs()[0].lr == {
        3: (str(tmp_path / 'valid.h5'), 'lr/0')}


def test_an_h5_file_is_for_one_scale(run_script, photos, tmp_path):
    result = run_script('prepare.py', 'h5', '--data_truth_path=%s' % photos,
                        '--output_path=%s' % (tmp_path / 'many.h5'))
    assert result.returncode == 2 and '--scales' in result.stderr

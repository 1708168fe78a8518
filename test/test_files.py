"""Files and folders that are whole or absent, whatever fails: power, disks, permissions, names."""
import errno
import gc
import os
import shutil
import subprocess
import sys
import weakref

import numpy as np
import pytest

from dataloaders.folder_loader import FolderLoader
from sr_tf import checkpoint
from sr_tf.data import pack as packs
from sr_tf.data.growing_file import GrowingFile
from sr_tf.data.pack import open_pack
from sr_tf.errors import UserError
from sr_tf.images.files import find_images
from sr_tf.jobs import stores
from sr_tf.training import table
from sr_tf.whole_file import whole_or_absent

METADATA = {'model': 'srcnn', 'scales': [2], 'hyper_parameters': {}}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture
def unlisted(monkeypatch):
    """`unlisted(folder, times)`: so many times in a row it cannot be listed, as on a bad network.
    """
    scandir = os.scandir

    def fail(folder, times):
        left = [times]

        def scan(path='.'):
            if os.path.realpath(str(path)) == os.path.realpath(str(folder)) and left[0]:
                left[0] -= 1
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
            return scandir(path)
        monkeypatch.setattr(os, 'scandir', scan)
    return fail


def test_a_folder_that_cannot_be_listed_is_named(photos, tmp_path, unlisted):
    shutil.copytree(str(photos), str(tmp_path / 'photos' / 'more'))
    assert len(find_images(str(tmp_path / 'photos'))) == 4
    unlisted(tmp_path / 'photos' / 'more', times=1)
    with pytest.raises(UserError, match='photos/more: cannot be read: '):
        find_images(str(tmp_path / 'photos'))


def test_a_store_that_is_away_for_a_while_is_fetched_whole(tmp_path, unlisted):
    for name in ('a.txt', 'more/b.txt'):
        (tmp_path / 'store' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'store' / name).write_text(name)
    unlisted(tmp_path / 'store' / 'more', times=2)
    stores.fetch_all(stores.MountedFolder(str(tmp_path / 'store')), str(tmp_path / 'here'),
                     pauses=(0, 0, 0))
    assert sorted(stores.relative_files(str(tmp_path / 'here'))) == ['a.txt', 'more/b.txt']


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    path, replace = tmp_path / 'exported', os.replace
    path.mkdir()
    (path / 'old').write_text('of before')

    def fail(source, target):
        if target == str(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(UserError, match='exported: cannot be written'), \
            whole_or_absent(str(path)) as temporary:
        os.makedirs(temporary)
    assert os.listdir(str(tmp_path)) == ['exported']
    assert (path / 'old').read_text() == 'of before'


def test_two_that_write_the_same_file_do_not_share_a_temporary_one(tmp_path):
    # As in two containers, where both may be process 1.
    path = str(tmp_path / 'result')
    with whole_or_absent(path) as first, whole_or_absent(path) as second:
        for temporary in (first, second):
            with open(temporary, 'w') as file:
                file.write(temporary)
    with open(path) as file:
        assert file.read() == first
    assert os.listdir(str(tmp_path)) == ['result']


def test_a_saved_checkpoint_leaves_the_memory(tmp_path):
    arrays = [np.ones((3, 3, 8, 8), np.float32) for _ in range(6)]
    seen = list(map(weakref.ref, arrays))
    gc.disable()
    try:
        while arrays:
            checkpoint.save({'generator/conv/kernel': arrays.pop(0)}, str(tmp_path), 1, METADATA)
        # TensorFlow lets go of the last one when it computes again.
        assert sum(array() is not None for array in seen) <= 2
    finally:
        gc.enable()


HEADER = ','.join(table.COLUMNS)


@pytest.mark.parametrize('damage', [
    b'\0' * 300, b'2,2,0.5', b'2,2,0.5,0.1,1e-4,0.1,0,1', b'2,2,x,0.1,1e-4,0.1,0,1,\n',
    b'\xff\xfe,,\n', b',,,,,,,,\n', b'2,2,0.5,0.1,1e-4,0.1,0,1,30.5,7\n'])
def test_a_damaged_row_is_left_out(tmp_path, damage):
    path = tmp_path / 'train.csv'
    path.write_bytes(('%s\n1,2,0.5,0.1,1e-4,0.1,0,1,\n' % HEADER).encode() + damage)
    assert [(row['step'], row['psnr']) for row in table.read(str(path))] == [('1', '')]
    path.write_bytes(damage + ('\n%s\n' % HEADER).encode())
    assert table.read(str(path)) == []


@pytest.mark.parametrize('damage', [b'\0' * 40, b'\0' * 40 + b'\n', b'7\n', b'[7]\n', b'{"\n'])
def test_packing_goes_on_before_damaged_notes(tmp_path, damage):
    path = str(tmp_path / 'pack')
    images = [np.full((4, 5, 3), value, np.uint8) for value in (1, 2)]
    with GrowingFile(path) as growing:
        growing.append(images[:1])
    with open(growing.notes_path, 'ab') as file:
        file.write(damage)
    with GrowingFile(path) as growing:
        assert len(growing.groups) == 1
        growing.append(images[1:])
    with GrowingFile(path) as growing:
        assert [len(group) for group in growing.groups] == [1, 1]


def test_a_pack_that_is_there_needs_no_permission_to_write(photos, tmp_path, monkeypatch):
    loader = FolderLoader(str(photos), None, (2,))
    made = open_pack(loader, (2,), str(tmp_path))

    def locked(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(packs, 'locked', locked)
    assert open_pack(loader, (2,), str(tmp_path)) == made
    with pytest.raises(UserError, match='cannot be written'):
        open_pack(loader, (2, 3), str(tmp_path))


NOT_UTF8 = os.fsdecode(b'caf\xe9')


def test_a_checkpoint_in_a_folder_of_another_encoding(tmp_path):
    values = {'generator/conv/kernel': np.ones((3, 3, 8, 8), np.float32)}
    path = checkpoint.save(values, str(tmp_path), 1, METADATA)
    folder = os.path.join(str(tmp_path), NOT_UTF8)
    os.makedirs(folder)
    for name in os.listdir(str(tmp_path)):
        if name.startswith(os.path.basename(path)):
            os.rename(os.path.join(str(tmp_path), name), os.path.join(folder, name))
    found = checkpoint.read_all_weights(checkpoint.resolve(folder))
    assert np.array_equal(found['generator/conv/kernel'], values['generator/conv/kernel'])


def test_tensorflow_loads_where_there_is_no_stderr():
    command = 'from sr_tf.compat import tf; tf.constant(1); print("loaded")'
    result = subprocess.run(['bash', '-c', '"$0" -c "$1" 2>&-', sys.executable, command],
                            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert result.stdout == b'loaded\n'

"""That what the tables of bench/ about input and start measure is what they say."""
import time

import numpy as np
import pytest

from bench import input as bench_input
from bench import photographs, start
from dataloaders.folder_loader import FolderLoader
from sr_tf.errors import UserError
from sr_tf.images.files import read_rgb
from sr_tf.images.resize import downscale

SCALE, MARGIN = 2, 4
SMALL = bench_input.Case('small photographs', 3, 260, 240, (SCALE,))


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
    pytest.importorskip('skimage')
    folder = tmp_path_factory.mktemp('input')
    photographs.write(str(folder / 'HR'), SMALL.count, SMALL.width, SMALL.height)
    return bench_input.prepared(str(folder), str(folder / 'HR'), SCALE)


def test_photographs_are_the_same_each_time(sources, tmp_path):
    photographs.write(str(tmp_path), 2, SMALL.width, SMALL.height, compress_level=1)
    for pair in sources.pairs[:2]:
        again = read_rgb(str(tmp_path / (pair.name + '.png')))
        assert again.shape == (SMALL.height, SMALL.width, 3)
        assert np.array_equal(read_rgb(pair.hr), again)
    assert not np.array_equal(read_rgb(sources.pairs[2].hr), again)


def test_each_way_gets_patches_that_fit(sources):
    copied = bench_input.copied(sources.pack, SCALE, np.copy)
    ways = [bench_input.from_png(sources.pairs, SCALE), bench_input.from_h5(sources.h5, SCALE),
            copied, bench_input.turned(copied)]
    for get in ways:
        seen = [get() for _ in range(20)]
        for lr, hr in seen:
            assert lr.shape == (bench_input.PATCH, bench_input.PATCH, 3)
            assert hr.shape == (SCALE * bench_input.PATCH, SCALE * bench_input.PATCH, 3)
            # Away from the edges, which look like others in the middle of a picture.
            difference = (downscale(hr, SCALE).astype(int) - lr)[MARGIN:-MARGIN, MARGIN:-MARGIN]
            assert np.abs(difference).mean() < 0.5
        assert len({lr.tobytes() for lr, _ in seen}) > 10


def test_the_table_of_input(sources):
    rows = list(bench_input.measured(SMALL, SCALE, sources, rounds=1))
    assert [row.way for row in rows] == ['sr-tf', 'PNG decode', 'h5 read', 'memory copy',
                                         'memory copy, turned']
    assert {row.subject for row in rows} == {'small photographs of 260x240, x2'}
    rates = {row.way: row.samples[0] for row in rows}
    assert rates['sr-tf'] > 5 * rates['PNG decode']


def test_the_first_step_is_timed(tmp_path, photos):
    flags = ['--model=srcnn', '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
             '--pack_path=%s' % (tmp_path / 'packs'), '--scales=2', '--batch_size=1', '--chip=cpu']
    began = time.perf_counter()
    seconds = start.until_first_step(str(tmp_path / 'run'), flags)
    assert 0.5 < seconds < time.perf_counter() - began
    with pytest.raises(UserError, match='train.py failed'):
        start.until_first_step(str(tmp_path / 'run'), ['--model=none'])


def test_what_packing_is_compared_with(tmp_path, photos):
    loader = FolderLoader(str(photos), None, (start.SCALE,))
    size = start.pack_anew(loader, str(tmp_path / 'packs'))
    assert size == sum(path.stat().st_size for path in (tmp_path / 'packs').glob('*.bin'))
    start.write_alone(str(tmp_path), 20 << 20)
    assert not (tmp_path / 'alone').exists()

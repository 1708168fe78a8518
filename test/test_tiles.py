"""Pictures in tiles equal whole pictures, and take little memory."""
import os

import numpy as np
import pytest
from random_networks import make_model, make_network, random_image, random_weights

from models import wdsr
from sr_tf import tiles
from sr_tf.chips import memory
from sr_tf.chips.session import Chip
from sr_tf.errors import UsageError
from sr_tf.network import GraphNetwork, Network
from sr_tf.upscaler import Upscaler

SCALES = (2, 3, 4)
EXACT = ('bsrn', 'rdn', 'srcnn', 'wdsr')
GIGABYTE = 1 << 30


class TestGeometry:
    @pytest.mark.parametrize('length, largest, overlap', [
        (100, 100, 10), (101, 100, 10), (37, 21, 10), (1000, 64, 18), (300, 45, 22), (5, 9, 4)])
    def test_each_pixel_is_kept_once_with_enough_around_it(self, length, largest, overlap):
        spans = [window.columns for window in tiles.windows(1, length, (1, largest), overlap)]
        kept = [pixel for span in spans for pixel in range(span.first, span.last)]
        assert kept == list(range(length))
        assert len({span.stop - span.start for span in spans}) == 1
        for start, stop, first, last in spans:
            assert 0 <= start <= max(0, first - overlap)
            assert min(length, last + overlap) <= stop <= length
            assert stop - start <= largest

    @pytest.mark.parametrize('height, width, pixels, expected', [
        (40, 50, 2000, (40, 50)), (40, 50, 1999, (40, 49)), (400, 500, 10000, (100, 100)),
        (3, 20000, 3000, (3, 1000)), (20000, 3, 3000, (1000, 3)), (400, 500, 0, (36, 36))])
    def test_the_largest_window(self, height, width, pixels, expected):
        assert tiles.largest_window(height, width, pixels, 10) == expected


class TestRadius:
    """An impulse on black, through weights that are all positive, goes as far as any can."""

    BLACK = {'bsrn': 127.5, 'wdsr': np.float32(wdsr.MEAN)}

    @pytest.mark.parametrize('scale', SCALES)
    @pytest.mark.parametrize('name', EXACT)
    def test_nothing_changes_outside_and_something_at_it(self, name, scale):
        model = make_model(name, scale)
        network = GraphNetwork(model, Chip('cpu', 'fp32'))
        network.assign({name: np.full(value.shape, value.ndim > 1, np.float32)
                        for name, value in random_weights(model).items()})
        radius = model.receptive_radius(scale)
        side = 2 * radius + 7
        middle = side // 2
        batch = np.zeros((2, side, side, model.channels), np.float32) + self.BLACK.get(name, 0)
        batch[1, middle, middle] += 1000
        black, changed = network.outputs(batch, scale)[-1]
        rows, columns = np.nonzero(np.any(black != changed, axis=2))
        enlarged = black.shape[0] // side
        for places in (rows, columns):
            assert np.abs(places // enlarged - middle).max() == radius

    @pytest.mark.parametrize('name, radius', [
        ('bsrn', 51), ('rdn', 133), ('srcnn', 8), ('wdsr', 18), ('rcan', None)])
    def test_of_the_published_sizes(self, name, radius):
        model = make_model(name, 2)
        published = type(model)([2])
        assert published.receptive_radius(2) == radius


class TestPictures:
    @pytest.mark.parametrize('scale', SCALES)
    @pytest.mark.parametrize('name, tile', [('bsrn', 41), ('rdn', 50), ('srcnn', 37), ('wdsr', 29)])
    def test_tiles_make_the_whole_picture(self, name, tile, scale):
        model = make_model(name, scale)
        network = make_network(model)
        image = random_image(57, 83)
        whole = Upscaler(model, network, tile=0)(image, scale)
        steps = []
        tiled = Upscaler(model, network, tile=tile)(
            image, scale, progress=lambda *step: steps.append(step))
        assert steps[-1][0] == steps[-1][1] == len(steps) >= 6
        assert 1 < whole.std() < 1000
        assert np.abs(tiled - whole).max() < 1e-3
        assert_same_pixels(tiled, whole)

    def test_outputs_and_batches_and_turns_as_well(self):
        model = make_model('bsrn', 3)
        network = make_network(model)
        images = [random_image(50, 40, seed) for seed in range(3)]
        whole = Upscaler(model, network, tile=0, self_ensemble=True)
        tiled = Upscaler(model, network, tile=42, self_ensemble=True)
        for ours, theirs in zip(tiled.outputs(images[0]), whole.outputs(images[0])):
            assert np.abs(ours - theirs).max() < 1e-3
        for ours, theirs in zip(tiled.enlarge_all(images), whole.enlarge_all(images)):
            assert np.abs(ours - theirs).max() < 1e-3

    @pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
    def test_into_integers(self, dtype):
        model = make_model('wdsr', 2)
        upscaler = Upscaler(model, make_network(model), tile=29)
        image = random_image(40, 50, dtype=dtype)
        out = np.zeros((80, 100, 3), dtype)
        assert upscaler(image, out=out) is out
        peak = np.iinfo(dtype).max
        picture = upscaler(image)
        assert picture.min() < 0 and picture.max() > peak
        np.testing.assert_array_equal(out, np.rint(np.clip(picture, 0, peak)))

    def test_rcan_says_that_tiles_differ(self, capsys):
        model = make_model('rcan', 2)
        network = make_network(model)
        image = random_image(90, 100)
        whole = Upscaler(model, network, tile=100)(image)
        assert capsys.readouterr().err == ''
        upscaler = Upscaler(model, network, tile=90)
        tiled = upscaler(image)
        upscaler(image)
        assert capsys.readouterr().err.count('warning: rcan takes means over the whole') == 1
        assert 0 < np.abs(tiled - whole).max() < 0.1 * np.ptp(whole)

    def test_a_tile_too_small_for_the_model_is_refused(self):
        model = make_model('wdsr', 2)
        upscaler = Upscaler(model, make_network(model), tile=8)
        assert upscaler(random_image(8, 8)).shape == (16, 16, 3)
        with pytest.raises(UsageError, match='--tile=8: is too small for wdsr, .* 4 pixels; '
                                             'give 24 or more'):
            upscaler(random_image(8, 9))


def assert_same_pixels(ours, theirs):
    """Where a value is half a pixel, another order of adding may round it the other way."""
    differing = to_pixels(ours) != to_pixels(theirs)
    assert np.all(np.abs(theirs[differing] % 1 - 0.5) < 1e-3)
    assert differing.sum() <= 1e-5 * differing.size


def to_pixels(picture):
    return np.rint(np.clip(picture, 0, 255))


class Watched(Network):
    """Enlarges by repeating pixels, with little memory, and remembers the batches' shapes."""

    def __init__(self, free):
        self.free = free
        self.shapes = set()

    def images(self, batch, scale):
        self.shapes.add(batch.shape)
        return batch.repeat(scale, axis=1).repeat(scale, axis=2)

    def memory(self, most):
        return min(self.free, most)


class TestMemory:
    @pytest.mark.parametrize('free, count', [(GIGABYTE, 1), (GIGABYTE // 32, 20)])
    def test_auto_cuts_what_the_memory_is_too_small_for(self, free, count):
        model = make_model('wdsr', 2, num_features=64)
        network = Watched(free)
        image = random_image(300, 400)
        steps = []
        result = Upscaler(model, network)(image, progress=lambda *step: steps.append(step))
        np.testing.assert_array_equal(result, image.repeat(2, axis=0).repeat(2, axis=1))
        assert len(steps) == count
        assert len(network.shapes) == 1

    def test_a_batch_that_is_too_much_is_computed_in_parts(self):
        model = make_model('wdsr', 2, num_features=64)
        network = Watched(GIGABYTE // 32)
        images = [random_image(40, 50, seed) for seed in range(7)]
        for image, result in zip(images, Upscaler(model, network).enlarge_all(images)):
            np.testing.assert_array_equal(result, image.repeat(2, axis=0).repeat(2, axis=1))
        assert {shape[1:] for shape in network.shapes} == {(40, 50, 3)}
        assert 1 < max(shape[0] for shape in network.shapes) < 7

    @pytest.fixture
    def machine(self, tmp_path):
        """A function that writes files below a folder, by their paths and contents."""
        def write(**files):
            for path, content in dict(files, **{'proc/meminfo': 'MemTotal: 9000000 kB\n'
                                                'MemAvailable: 4194304 kB\n'}).items():
                path = tmp_path / path
                os.makedirs(str(path.parent), exist_ok=True)
                path.write_text(content)
            return memory.available(str(tmp_path))
        return write

    def test_what_the_machine_has(self, machine):
        assert machine() == 4 * GIGABYTE

    def test_a_limit_of_a_control_group(self, machine):
        group = 'sys/fs/cgroup/box/'
        files = {'proc/self/cgroup': '0::/box/inner\n', group + 'memory.max': '%d\n' % GIGABYTE,
                 group + 'memory.current': '%d\n' % (GIGABYTE // 2),
                 group + 'memory.stat': 'anon 7\ninactive_file 1024\n',
                 group + 'inner/memory.max': 'max\n', group + 'inner/memory.current': '5\n'}
        assert machine(**files) == GIGABYTE // 2 + 1024

    def test_a_container_of_the_first_version(self, machine):
        mount = 'sys/fs/cgroup/memory/'
        files = {'proc/self/cgroup': '7:cpu:/x\n4:memory:/docker/0123\n',
                 mount + 'memory.limit_in_bytes': '%d\n' % GIGABYTE,
                 mount + 'memory.usage_in_bytes': '%d\n' % (2 * GIGABYTE),
                 mount + 'memory.stat': 'cache 5\ntotal_inactive_file 0\n'}
        assert machine(**files) == 0

    def test_an_unknown_system(self, tmp_path):
        assert memory.available(str(tmp_path)) == memory.ASSUMED

"""On chips that compile a graph for each shape, pictures are padded, and their results the same."""
import numpy as np
import pytest
from random_networks import NAMES, make_model, random_image, random_weights

from sr_tf import tiles
from sr_tf.chips.session import Chip
from sr_tf.network import GraphNetwork
from sr_tf.upscaler import Upscaler


class CompilingChip(Chip):
    compiles_each_shape = True


@pytest.fixture
def small_buckets(monkeypatch):
    monkeypatch.setattr(tiles, 'LEAST_SIDE', 16)


def networks(model):
    """One that pads and one that does not, with the same weights."""
    both = [GraphNetwork(model, chip('cpu', 'fp32')) for chip in (CompilingChip, Chip)]
    for network in both:
        network.assign(random_weights(model))
    return both


@pytest.mark.parametrize('scale', [2, 3, 4])
@pytest.mark.parametrize('name', NAMES)
def test_padding_changes_nothing(name, scale, small_buckets):
    model = make_model(name, scale)
    images = [random_image(21, 27, seed) for seed in range(2)]
    padding, plain = (Upscaler(model, network) for network in networks(model))
    for ours, theirs in zip(padding.enlarge_all(images), plain.enlarge_all(images)):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 1e-4 * np.ptp(theirs)
    for ours, theirs in zip(padding.outputs(images[0]), plain.outputs(images[0])):
        assert np.abs(ours - theirs).max() < 1e-4 * np.ptp(theirs)


@pytest.mark.parametrize('size, fed', [((16, 32), (16, 32)), ((16, 33), (32, 64))])
def test_a_picture_as_large_as_its_bucket_is_not_padded(size, fed, small_buckets, monkeypatch):
    network, _ = networks(make_model('wdsr', 2))
    shapes, run = [], network._session.run

    def record(fetches, feeds):
        shapes.extend(value.shape for value in feeds.values())
        return run(fetches, feeds)

    monkeypatch.setattr(network._session, 'run', record)
    network.images(random_image(*size)[np.newaxis].astype(np.float32), 2)
    assert shapes == [(1,) + fed + (3,), (1,) + fed + (1,)]


def test_there_are_ten_buckets():
    shapes = {tiles.bucket(height, width) for height in range(1, 1025, 3)
              for width in range(1, 1025, 3)}
    assert shapes == {(128, 128), (256, 256), (512, 512), (1024, 1024), (128, 256), (256, 128),
                      (256, 512), (512, 256), (512, 1024), (1024, 512)}
    for height, width in [(128, 128), (129, 128), (1, 1024), (700, 20)]:
        shape = tiles.bucket(height, width)
        assert shape[0] >= height and shape[1] >= width


@pytest.mark.parametrize('name, count', [('wdsr', 3), ('srcnn', 6)])
def test_larger_pictures_are_cut(name, count, small_buckets):
    model = make_model(name, 2)
    padding, plain = networks(model)
    image = random_image(3, 300)
    steps = []
    result = Upscaler(model, padding)(image, progress=lambda *step: steps.append(step))
    assert len(steps) == count
    np.testing.assert_allclose(result, Upscaler(model, plain, tile=0)(image), atol=1e-2)

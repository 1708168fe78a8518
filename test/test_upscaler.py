"""What an upscaler does around its network, against the network by itself."""
import itertools

import numpy as np
import pytest
from random_networks import NAMES, make_upscaler, random_image

from sr_tf.images import resize


def turns():
    """The eight ways to lay down a picture `[H, W, C]`, by what they are made of."""
    for transposed, upside_down, mirrored in itertools.product((False, True), repeat=3):
        yield (lambda image, t=transposed, u=upside_down, m=mirrored:
               flipped(image.swapaxes(0, 1) if t else image, u, m),
               lambda image, t=transposed, u=upside_down, m=mirrored:
               flipped(image, u, m).swapaxes(0, 1) if t else flipped(image, u, m))


def flipped(image, upside_down, mirrored):
    return image[::-1 if upside_down else 1, ::-1 if mirrored else 1]


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('scale', [2, 3])
def test_the_self_ensemble_is_the_mean_of_eight_networks(name, scale):
    image = random_image(7, 10)
    with_turns = make_upscaler(name, scale, self_ensemble=True)
    model = with_turns.model
    bicubic = resize.upscale(image, scale).astype(np.float64)
    batch = model.from_rgb((bicubic if model.input_is_enlarged else image).astype(np.float32))
    expected = np.mean([
        back(model.image(with_turns.network(turn(batch)[np.newaxis], scale))[0])
        for turn, back in turns()], axis=0)
    result = with_turns(image, scale)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, model.to_rgb(expected, bicubic), atol=1e-2)
    assert np.abs(result - make_upscaler(name, scale)(image, scale)).max() > 0.1

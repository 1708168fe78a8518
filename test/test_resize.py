"""Bicubic resizing against a slow one, and against known scores of the sets of papers."""
import glob
import math
import os

import numpy as np
import pytest

from sr_tf.images.files import read_rgb
from sr_tf.images.resize import crop_to_multiple, downscale, upscale
from sr_tf.scoring.protocols import PROTOCOLS


def cubic(distance):
    """Keys' kernel with a = -0.5."""
    x, a = abs(distance), -0.5
    if x <= 1:
        return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
    if x < 2:
        return a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a
    return 0.0


def resized_line(line, size, factor):
    """One row or column, sample by sample; samples outside are those of the edge."""
    stretch = max(1.0, 1.0 / factor)
    result = []
    for index in range(size):
        centre = (index + 0.5) / factor - 0.5
        total = weight_sum = 0.0
        for source in range(math.ceil(centre - 2 * stretch), math.floor(centre + 2 * stretch) + 1):
            weight = cubic((source - centre) / stretch)
            total += weight * float(line[min(max(source, 0), len(line) - 1)])
            weight_sum += weight
        result.append(total / weight_sum)
    return result


def rounded(values, dtype):
    if dtype == np.float32 or dtype == np.float64:
        return np.asarray(values, dtype)
    limit = np.iinfo(dtype).max
    return np.asarray([min(max(math.floor(value + 0.5), 0), limit) for value in values], dtype)


def resized(image, factor):
    """The height first, then the width; integers are rounded after each."""
    height, width, channels = image.shape
    new_height, new_width = int(round(height * factor)), int(round(width * factor))
    tall = np.empty((new_height, width, channels), image.dtype)
    for column in range(width):
        for channel in range(channels):
            tall[:, column, channel] = rounded(
                resized_line(image[:, column, channel], new_height, factor), image.dtype)
    result = np.empty((new_height, new_width, channels), image.dtype)
    for row in range(new_height):
        for channel in range(channels):
            result[row, :, channel] = rounded(
                resized_line(tall[row, :, channel], new_width, factor), image.dtype)
    return result


def noise(height, width, dtype=np.uint8, limit=256):
    draw = np.random.RandomState(height)
    # Mostly black and white: overshoots are clipped, and the order of the passes shows.
    extremes = draw.choice([0, limit - 1], (height, width, 3))
    return np.where(draw.uniform(size=extremes.shape) < 0.5, extremes,
                    draw.randint(0, limit, extremes.shape)).astype(dtype)


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_downscale_equals_the_slow_one(scale):
    image = noise(7 * scale, 5 * scale)
    assert np.array_equal(downscale(image, scale), resized(image, 1 / scale))


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_upscale_equals_the_slow_one(scale):
    image = noise(9, 6)
    assert np.array_equal(upscale(image, scale), resized(image, scale))


def test_a_picture_smaller_than_the_kernel():
    image = noise(4, 2)
    assert np.array_equal(downscale(image, 2), resized(image, 0.5))
    assert np.array_equal(upscale(image, 4), resized(image, 4))


def test_sixteen_bits_are_rounded_and_clipped_at_their_own_limit():
    image = noise(12, 8, np.uint16, 65536)
    assert np.array_equal(downscale(image, 2), resized(image, 0.5))
    assert upscale(image, 2).dtype == np.uint16


def test_floating_point_is_neither_rounded_nor_clipped():
    image = noise(12, 9).astype(np.float64)
    small = downscale(image, 3)
    assert np.allclose(small, resized(image, 1 / 3), atol=1e-9)
    assert (small != np.rint(small)).any()
    large = upscale(image, 3)
    assert np.allclose(large, resized(image, 3), atol=1e-9)
    assert large.min() < 0 and large.max() > 255


def test_photograph_equals_the_slow_one(photos):
    image = read_rgb(str(photos / 'astronaut.png'))[:48, :36]
    for scale in (2, 3, 4):
        assert np.array_equal(downscale(image, scale), resized(image, 1 / scale))


def test_grey_pictures_have_no_axis_for_colours():
    image = noise(8, 6)
    assert np.array_equal(downscale(image[..., 0], 2), downscale(image, 2)[..., 0])


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_flat_pictures_stay_flat(scale):
    image = np.full((24, 24, 3), 200, np.uint8)
    assert (downscale(image, scale) == 200).all()
    assert (upscale(image, scale) == 200).all()


def test_crop_to_multiple():
    image = noise(11, 10)
    assert np.array_equal(crop_to_multiple(image, 4), image[:8, :8])
    assert np.array_equal(crop_to_multiple(image, 2), image[:10, :10])
    assert np.array_equal(crop_to_multiple(image, 1), image)


@pytest.mark.parametrize('dataset, count, expected', [('Set5', 5, (33.68, 30.41, 28.43)),
                                                      ('Set14', 14, (30.33, 27.63, 26.09)),
                                                      ('BSD100', 100, (29.56, 27.21, 25.96))])
def test_bicubic_scores_as_it_should(data_root, dataset, count, expected):
    """On BSD100 as published; the other sets here are not file by file those of papers."""
    paths = sorted(glob.glob(os.path.join(data_root, dataset, 'HR', '*')))
    assert len(paths) == count
    for scale, psnr in zip((2, 3, 4), expected):
        scores = []
        for path in paths:
            hr = crop_to_multiple(read_rgb(path), scale)
            enlarged = upscale(downscale(hr, scale), scale)
            scores.append(PROTOCOLS['paper'].score(enlarged, hr, scale, ('psnr',))['psnr'])
        assert abs(np.mean(scores) - psnr) <= (0.01 if dataset == 'BSD100' else 0.02)

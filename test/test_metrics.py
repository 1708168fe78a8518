"""PSNR and SSIM against scikit-image's."""
import math

import numpy as np
import pytest

import sr_tf
from sr_tf.errors import UsageError, UserError
from sr_tf.images.files import read_rgb

metrics = pytest.importorskip('skimage.metrics')


def luma(rgb):
    red, green, blue = (rgb[..., channel].astype(np.float64) for channel in range(3))
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def expected_scores(sr, hr, scale):
    sr, hr = (luma(image)[scale:-scale, scale:-scale] for image in (sr, hr))
    psnr = metrics.peak_signal_noise_ratio(hr, sr, data_range=255)
    ssim = metrics.structural_similarity(hr, sr, gaussian_weights=True, sigma=1.5,
                                         use_sample_covariance=False, data_range=255)
    return psnr, ssim


def noisy(image, deviation, seed=0):
    noise = np.random.RandomState(seed).normal(0, deviation, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize('name', ['astronaut', 'coffee', 'chelsea', 'rocket'])
@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_scores_equal_those_of_scikit_image(photos, name, scale):
    hr = read_rgb(str(photos / (name + '.png')))[:, :81]
    for deviation in (1, 10, 60):
        sr = noisy(hr, deviation)
        psnr, ssim = sr_tf.score(sr, hr, scale)
        expected_psnr, expected_ssim = expected_scores(sr, hr, scale)
        assert abs(psnr - expected_psnr) < 1e-4
        assert abs(ssim - expected_ssim) < 1e-6


def test_pixels_at_the_edge_do_not_count(photos):
    hr = read_rgb(str(photos / 'coffee.png'))
    sr = noisy(hr, 5)
    spoilt = 255 - sr
    spoilt[3:-3, 3:-3] = sr[3:-3, 3:-3]
    assert sr_tf.score(spoilt, hr, 3) == sr_tf.score(sr, hr, 3)
    assert sr_tf.score(spoilt, hr, 2) != sr_tf.score(sr, hr, 2)


def test_the_same_picture_is_infinitely_good(photos):
    hr = read_rgb(str(photos / 'coffee.png'))
    psnr, ssim = sr_tf.score(hr, hr, 2)
    assert psnr == math.inf
    assert abs(ssim - 1) < 1e-12


def test_smallest_picture_that_can_be_scored():
    image = np.random.RandomState(0).randint(0, 256, (15, 15, 3)).astype(np.uint8)
    assert np.isclose(sr_tf.score(255 - image, image, 2)[1],
                      expected_scores(255 - image, image, 2)[1], atol=1e-6)
    with pytest.raises(UserError, match='too small'):
        sr_tf.score(image[:14], image[:14], 2)


def test_sizes_that_differ_are_refused_with_how_much():
    image = np.zeros((20, 24, 3), np.uint8)
    with pytest.raises(UserError) as refusal:
        sr_tf.score(image[:19], image[:, 2:], 2)
    assert str(refusal.value) == ('the enlarged picture is 24x19, but the true one is 22x20 '
                                  '(+2 in width, -1 in height)')


def test_unknown_protocol_is_refused():
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(UsageError, match='protocol'):
        sr_tf.score(image, image, 2, protocol='guess')

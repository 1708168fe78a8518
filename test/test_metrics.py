"""PSNR, SSIM and MS-SSIM against scikit-image's, TensorFlow's, and slow ones written out here."""
import math

import numpy as np
import pytest

import sr_tf
from sr_tf.compat import tf
from sr_tf.errors import UsageError, UserError
from sr_tf.images.files import read_rgb
from sr_tf.scoring.metrics import mean, ms_ssim, ms_ssim_scales

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def luma(rgb):
    red, green, blue = (rgb[..., channel].astype(np.float64) for channel in range(3))
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def compared(sr, hr, scale):
    return [luma(image)[scale:-scale, scale:-scale] for image in (sr, hr)]


def noisy(image, deviation, seed=0):
    noise = np.random.RandomState(seed).normal(0, deviation, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def noise(*shape):
    return np.random.RandomState(sum(shape)).randint(0, 256, shape).astype(np.float64)


def slow_similarity(a, b):
    """The means of the SSIM and of its contrast part over all windows, one after the other."""
    grid = np.arange(11) - 5
    window = np.exp(-(grid[:, np.newaxis] ** 2 + grid ** 2) / (2 * 1.5 ** 2))
    window /= window.sum()
    c1, c2 = 6.5025, 58.5225
    similarities, contrasts = [], []
    for top in range(a.shape[0] - 10):
        for left in range(a.shape[1] - 10):
            x, y = (image[top:top + 11, left:left + 11] for image in (a, b))
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            variance_x = (window * (x - mean_x) ** 2).sum()
            variance_y = (window * (y - mean_y) ** 2).sum()
            covariance = (window * (x - mean_x) * (y - mean_y)).sum()
            contrasts.append((2 * covariance + c2) / (variance_x + variance_y + c2))
            similarities.append((2 * mean_x * mean_y + c1) / (mean_x ** 2 + mean_y ** 2 + c1)
                                * contrasts[-1])
    return np.mean(similarities), np.mean(contrasts)


def slow_halved(image):
    """Means of 2x2 pixels; at an odd edge of those that there are."""
    height, width = image.shape
    return np.array([[image[row:row + 2, column:column + 2].mean()
                      for column in range(0, width, 2)] for row in range(0, height, 2)])


@pytest.mark.parametrize('name', ['astronaut', 'coffee', 'chelsea', 'rocket'])
@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_scores_equal_those_of_scikit_image(photos, name, scale):
    metrics = pytest.importorskip('skimage.metrics')
    hr = read_rgb(str(photos / (name + '.png')))[:, :81]
    for deviation in (1, 10, 60):
        sr = noisy(hr, deviation)
        psnr, ssim = sr_tf.score(sr, hr, scale)
        ours, truth = compared(sr, hr, scale)
        assert abs(psnr - metrics.peak_signal_noise_ratio(truth, ours, data_range=255)) < 1e-6
        assert abs(ssim - metrics.structural_similarity(
            truth, ours, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=255)) < 1e-6


@pytest.mark.parametrize('deviation', [1, 20, 90])
def test_scores_equal_slow_ones(photos, deviation):
    hr = read_rgb(str(photos / 'coffee.png'))[:31, :28]
    sr = noisy(hr, deviation)
    psnr, ssim = sr_tf.score(sr, hr, 2)
    ours, truth = compared(sr, hr, 2)
    error = sum((float(x) - float(y)) ** 2 for x, y in zip(ours.flat, truth.flat)) / ours.size
    assert abs(psnr - 10 * math.log10(255 ** 2 / error)) < 1e-6
    assert abs(ssim - slow_similarity(ours, truth)[0]) < 1e-6


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
    ours, truth = compared(255 - image, image, 2)
    assert abs(sr_tf.score(255 - image, image, 2)[1] - slow_similarity(ours, truth)[0]) < 1e-6
    with pytest.raises(UserError) as refusal:
        sr_tf.score(image[:14], image[:14], 2)
    assert str(refusal.value) == ('the picture of 15x14 is too small to be scored: without 2 '
                                  'pixels at each edge the SSIM needs 11x11')


def test_sizes_that_differ_are_refused_with_how_much():
    image = np.zeros((20, 24, 3), np.uint8)
    with pytest.raises(UserError) as refusal:
        sr_tf.score(image[:19], image[:, 2:], 2)
    assert str(refusal.value) == ('the enlarged picture is 24x19, but the true one is 22x20 '
                                  '(+2 in width, -1 in height)')


def test_pixels_that_are_no_numbers_are_refused():
    image = np.zeros((20, 20, 3))
    image[3, 4, 1] = np.nan
    with pytest.raises(UserError, match='not numbers'):
        sr_tf.score(image, np.zeros((20, 20, 3), np.uint8), 2)


def test_unknown_protocol_is_refused():
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(UsageError, match='--protocol=guess: there are paper, rgb, '):
        sr_tf.score(image, image, 2, protocol='guess')


@pytest.mark.parametrize('shape', [(176, 192, 1), (161, 175, 1), (163, 178, 3)])
@pytest.mark.parametrize('deviation', [3, 40])
def test_ms_ssim_equals_that_of_tensorflow(shape, deviation):
    hr = np.cumsum(noise(*shape), axis=1) % 256
    sr = noisy(hr, deviation).astype(np.float64)
    with tf.Graph().as_default(), tf.Session() as session:
        images = [tf.constant(image[np.newaxis], tf.float32) for image in (sr, hr)]
        expected, = session.run(tf.image.ssim_multiscale(images[0], images[1], 255.0))
    assert ms_ssim_scales(shape) == 5
    assert abs(ms_ssim(sr, hr) - expected) < 2e-5


@pytest.mark.parametrize('shape, scales', [((11, 30), 1), ((20, 40), 1), ((21, 26), 2),
                                           ((47, 43), 3)])
def test_ms_ssim_of_small_pictures_has_as_many_scales_as_fit(shape, scales):
    hr = noise(*shape)
    sr = noisy(hr, 30).astype(np.float64)
    expected, a, b = 1.0, sr, hr
    for number, weight in enumerate(WEIGHTS[:scales]):
        similarity, contrast = slow_similarity(a, b)
        part = similarity if number == scales - 1 else contrast
        expected *= part ** (weight / sum(WEIGHTS[:scales]))
        a, b = slow_halved(a), slow_halved(b)
    assert ms_ssim_scales(shape) == scales
    assert abs(ms_ssim(sr, hr) - expected) < 1e-9


def test_ms_ssim_of_opposites_is_zero_and_of_equals_one():
    image = noise(40, 40)
    assert ms_ssim(255 - image, image) == 0
    assert abs(ms_ssim(image, image) - 1) < 1e-12


def test_the_mean_says_how_many_infinities_are_not_in_it():
    assert mean([30.0, math.inf, 33.0]) == (31.5, 1)
    assert mean([30.0, 33.0]) == (31.5, 0)
    assert mean([math.inf, math.inf]) == (math.inf, 2)

"""PSNR, SSIM and MS-SSIM of floating-point pictures in 0..255, and means over many pictures.

Pictures are `[H, W]`, or `[H, W, C]` whose channels count equally.
"""
from collections import namedtuple

import numpy as np

PEAK = 255.0
WINDOW = 11
SIGMA = 1.5
# Of the scales from fine to coarse, by Wang, Simoncelli and Bovik (2003).
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

Mean = namedtuple('Mean', 'value infinite')
Mean.__doc__ = """The mean of the finite values, and how many were infinite and are not in it."""


def psnr(a, b):
    """In dB; infinite for equal pictures."""
    error = np.mean(np.square(a - b))
    return float(10 * np.log10(PEAK ** 2 / error)) if error else float('inf')


def ssim(a, b, unbiased=False):
    """The mean over all places where the whole 11x11 Gaussian window fits.

    `unbiased` divides the variances by one pixel less than the window has, as some do.
    """
    luminance, contrast = _similarity(a, b, unbiased)
    return float(np.mean(luminance * contrast))


def ms_ssim(a, b):
    """SSIM over five scales, each half as large as the one before; over fewer in small pictures.

    `ms_ssim_scales` says over how many; their weights then are made to sum to 1.
    """
    weights = np.array(SCALE_WEIGHTS[:ms_ssim_scales(a.shape)])
    weights /= weights.sum()
    result = 1.0
    for weight in weights[:-1]:
        contrast = _similarity(a, b)[1].mean(axis=(0, 1))
        result = result * np.maximum(contrast, 0) ** weight
        a, b = _halved(a), _halved(b)
    luminance, contrast = _similarity(a, b)
    coarsest = (luminance * contrast).mean(axis=(0, 1))
    return float(np.mean(result * np.maximum(coarsest, 0) ** weights[-1]))


def ms_ssim_scales(shape):
    """How many of the five scales a picture has: at each, the window must fit into it."""
    scales, side = 0, min(shape[:2])
    while side >= WINDOW and scales < len(SCALE_WEIGHTS):
        scales, side = scales + 1, (side + 1) // 2
    return scales


def mean(values):
    """The `Mean` of scores; infinite only if all of them are."""
    finite = [value for value in values if value != float('inf')]
    return Mean(float(np.mean(finite)) if finite else float('inf'), len(values) - len(finite))


def _similarity(a, b, unbiased=False):
    """At each place, how similar the two are in luminance, and in contrast and structure."""
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    norm = WINDOW ** 2 / (WINDOW ** 2 - 1.0) if unbiased else 1.0
    mean_a, mean_b = _blurred(a), _blurred(b)
    product, squares = mean_a * mean_b, mean_a ** 2 + mean_b ** 2
    covariance = norm * (_blurred(a * b) - product)
    variances = norm * (_blurred(a * a + b * b) - squares)
    return (2 * product + c1) / (squares + c1), (2 * covariance + c2) / (variances + c2)


def _blurred(image):
    window = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    window /= window.sum()
    for _ in range(2):
        length = image.shape[0] - WINDOW + 1
        image = np.swapaxes(sum(weight * image[tap:tap + length]
                                for tap, weight in enumerate(window)), 0, 1)
    return image


def _halved(image):
    """The means of 2x2 pixels; an odd last row or column is repeated."""
    image = np.pad(image, [(0, size % 2) for size in image.shape[:2]]
                   + [(0, 0)] * (image.ndim - 2), mode='edge')
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return image.reshape((height, 2, width, 2) + image.shape[2:]).mean(axis=(1, 3))

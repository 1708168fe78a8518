"""PSNR and SSIM as papers on super-resolution measure them."""
from collections import namedtuple

import numpy as np

from sr_tf.errors import UsageError, UserError

PEAK = 255.0
WINDOW = 11

Protocol = namedtuple('Protocol', 'channel_name channel crop_name crop')
Protocol.__doc__ = """What is compared: `channel(rgb)` without `crop(scale)` pixels at each edge."""


def luma(rgb):
    """Y of ITU-R BT.601 in 16..235, from uint8 RGB, not rounded."""
    return rgb.astype(np.float64).dot([65.481, 128.553, 24.966]) / 255.0 + 16.0


PROTOCOLS = {
    'paper': Protocol('Y of uint8 RGB (BT.601), not rounded', luma,
                      'the scale', lambda scale: scale),
}


def describe(name):
    """What a report says about a protocol."""
    protocol = PROTOCOLS[name]
    return {'name': name, 'channel': protocol.channel_name, 'crop': protocol.crop_name,
            'ssim': '11x11 Gaussian, sigma 1.5'}


def score(sr, hr, scale, protocol='paper'):
    """(PSNR in dB, SSIM) of a uint8 RGB picture against the true one."""
    if protocol not in PROTOCOLS:
        raise UsageError('--protocol=%s: there are %s' % (protocol, ', '.join(PROTOCOLS)))
    if sr.shape != hr.shape:
        raise ValueError('the pictures differ in shape: %s and %s' % (sr.shape, hr.shape))
    protocol = PROTOCOLS[protocol]
    edge = protocol.crop(scale)
    sr, hr = (protocol.channel(image)[edge:image.shape[0] - edge, edge:image.shape[1] - edge]
              for image in (sr, hr))
    if min(hr.shape) < WINDOW:
        raise UserError('a picture of %dx%d pixels without its edges is too small to be scored'
                        % hr.shape[::-1])
    return psnr(sr, hr), ssim(sr, hr)


def psnr(a, b):
    error = np.mean(np.square(a - b))
    return float(10 * np.log10(PEAK ** 2 / error)) if error else float('inf')


def ssim(a, b):
    """The mean over all places where the whole 11x11 Gaussian window fits."""
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a = _blurred(a * a) - mean_a ** 2
    variance_b = _blurred(b * b) - mean_b ** 2
    covariance = _blurred(a * b) - mean_a * mean_b
    return float(np.mean((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
                         / ((mean_a ** 2 + mean_b ** 2 + c1) * (variance_a + variance_b + c2))))


def _blurred(image):
    window = np.exp(-0.5 * (np.arange(-(WINDOW // 2), WINDOW // 2 + 1) / 1.5) ** 2)
    window /= window.sum()
    for _ in range(2):
        length = image.shape[0] - WINDOW + 1
        image = sum(weight * image[tap:tap + length] for tap, weight in enumerate(window)).T
    return image

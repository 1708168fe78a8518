"""A picture that is always the same, to see whether two networks are."""
import numpy as np

TOLERANCE = 1e-3  # of 255: what another order of summation may cost


def picture(height, width):
    """RGB with slopes, edges and noise, as uint8."""
    rows, columns = np.mgrid[:height, :width]
    slopes = np.stack([rows * 7.0, columns * 5.0, (rows + columns) * 3.0], -1) % 256
    stripes = 40.0 * ((rows // 4 + columns // 6) % 2)[..., np.newaxis]
    noise = np.random.RandomState(0).uniform(-20, 20, (height, width, 3))
    return np.clip(np.rint(slopes + stripes + noise), 0, 255).astype(np.uint8)


def difference(given, expected):
    """The largest between two pictures in 0..255; where one is far larger, in proportion."""
    if given.shape != expected.shape:
        return np.inf
    return float(np.abs(given - expected).max() / max(1.0, np.abs(expected).max() / 255))

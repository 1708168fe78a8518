"""Whether what was exported computes what the checkpoint does."""
import numpy as np

from sr_tf.graphs import probe
from sr_tf.network import Network
from sr_tf.upscaler import Upscaler

SIZES = ((17, 23), (32, 20), (9, 41))


def largest_difference(upscaler, scale, pixels, run):
    """Between the upscaler's pictures and what `run` makes of batches, on a scale of 0..255."""
    # NumPy's maxima keep what is not a number.
    return float(np.max([_difference(upscaler, scale, pixels, run, probe.picture(*size))
                         for size in SIZES]))


def _difference(upscaler, scale, pixels, run, image):
    images = np.stack([image, image[::-1, ::-1]])
    if pixels != 'uint8':
        images = images.astype(np.float32)
    # An upscaler keeps fractions of what bicubic makes of floats, and 'whole' does not.
    expected = np.stack(upscaler.enlarge_all(
        list(images.astype(np.uint8) if pixels == 'whole' else images), scale))
    if pixels == 'bare':
        given = np.stack(Upscaler(upscaler.model, _Bare(run)).enlarge_all(list(images), scale))
    else:
        given = run(images)
    if pixels == 'uint8':
        # Pixels are rounded, which moves them by up to a half.
        expected = np.clip(expected, 0, 255)
        return np.maximum(0, probe.difference(given.astype(np.float32), expected) - 0.5)
    return probe.difference(given, expected)


class _Bare(Network):
    """Computes with a function of batches."""

    def __init__(self, run):
        self._run = run

    def images(self, batch, scale):
        return self._run(batch)

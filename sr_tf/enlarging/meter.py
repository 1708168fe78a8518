"""How much of the enlarged pictures is made, on a terminal."""
import os

from sr_tf.progress import ProgressBar


class Meter:
    """A progress bar in megapixels of the results, from the first `show` to `close`."""

    def __init__(self, scale):
        self._megapixels = scale ** 2 / 1e6
        self._bar = None

    def show(self, pixels, all_pixels, source):
        """`pixels` of the pictures given are computed."""
        if not self._bar:
            self._bar = ProgressBar(all_pixels * self._megapixels, label='enlarging', unit='MP')
        self._bar.update(pixels * self._megapixels, os.path.basename(source))

    def close(self):
        if self._bar:
            self._bar.close()

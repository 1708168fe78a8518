"""Makes as many photographs of any size as a measurement needs, the same ones each time.

They are the few inside scikit-image's wheel, enlarged, turned and with noise, so that they are as
hard to compress as those of cameras.
"""
import os

import numpy as np
from PIL import Image

from dataloaders.demo_loader import DemoLoader
from sr_tf.data.ahead import computed_ahead

NOISE = 3.0  # its standard deviation, in steps of 8 bits


def write(folder, count, width, height, compress_level=6):
    """Writes 0000.png, 0001.png, ...; with less compression they are written sooner."""
    os.makedirs(folder, exist_ok=True)
    loader = DemoLoader(None, None, (2,))
    originals = [loader.read(pair.hr) for pair in loader.pairs()]

    def write_one(number):
        original = np.rot90(originals[number % len(originals)], number // len(originals))
        image = Image.fromarray(np.ascontiguousarray(original)).resize(
            (width, height), Image.BICUBIC)
        noise = np.random.RandomState(number).normal(0, NOISE, (height, width, 3))
        noisy = np.clip(np.rint(np.asarray(image) + noise), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(os.path.join(folder, '%04d.png' % number),
                                    compress_level=compress_level)

    for _ in computed_ahead(write_one, range(count)):
        continue

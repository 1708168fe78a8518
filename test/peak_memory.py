"""Prints how much memory 24 megapixels take to be enlarged.

usage: python test/peak_memory.py RUN [WINDOWS]

The picture and all of its enlargement are in memory. Of the windows only the first few, 3 unless
told, are computed; they take turns in the same memory.
"""
import os
import resource
import sys
import time

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEIGHT, WIDTH = 4000, 6000


class Enough(Exception):
    pass


def main(run, windows=3):
    sys.path.insert(0, ROOT)
    import sr_tf
    upscaler = sr_tf.load(run, chip='cpu')
    scale = upscaler.scales[0]
    image = np.random.RandomState(0).randint(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    out = np.full((HEIGHT * scale, WIDTH * scale, 3), 128, np.uint8)
    before = peak()
    began = time.time()

    def progress(done, total):
        print('%d of %d windows in %.0f s' % (done, total, time.time() - began), flush=True)
        if done == int(windows):
            raise Enough

    try:
        upscaler(image, scale, out=out, progress=progress)
    except Enough:
        pass
    print('%s x%d: %.2f GB at most, %.2f GB before the first window'
          % (upscaler.model.name(), scale, peak(), before))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == '__main__':
    main(*sys.argv[1:])

"""How much work a network is, and how long it takes."""
import math
import time

import numpy as np

WIDTH, HEIGHT = 1280, 720
TIMED_SIDE = 128
TIMED_SECONDS = 2.0


def multiply_adds(model, scale):
    """Those of a 1280x720 output, whether or not it is a multiple of the scale."""
    height, width = math.ceil(HEIGHT / scale), math.ceil(WIDTH / scale)
    counted = model.multiply_adds(scale, height, width)
    return counted * (HEIGHT * WIDTH) / (height * width * scale ** 2)


def seconds_per_megapixel(upscaler, scale):
    """The time for a megapixel of output, from the fastest of some runs on a small picture."""
    picture = np.random.RandomState(0).randint(0, 256, (TIMED_SIDE, TIMED_SIDE, 3)).astype(np.uint8)
    upscaler(picture, scale)
    runs, since = [], time.monotonic()
    while not runs or time.monotonic() - since < TIMED_SECONDS:
        began = time.monotonic()
        upscaler(picture, scale)
        runs.append(time.monotonic() - began)
    return min(runs) / ((TIMED_SIDE * scale) ** 2 / 1e6)

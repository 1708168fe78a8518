"""The graph of a network that is to leave this program: from a picture to the picture enlarged."""
from collections import namedtuple

import numpy as np

from sr_tf.compat import tf
from sr_tf.images import resize

INPUT, OUTPUT = 'sr_input', 'sr_output'
# The network within: what it reads, what it gives, and that combined into one picture.
INNER_INPUT, INNER_OUTPUT, INNER_PICTURE = 'network_input', 'network_output_%d', 'network_picture'

PIXELS = ('uint8', 'float', 'bare')

Built = namedtuple('Built', 'given outputs picture')
Built.__doc__ = """The tensors of a graph: its input, the network's own outputs, and its output."""


def build(model, scale, pixels):
    """Makes the graph, in the default one, for batches of any size; returns a `Built`.

    pixels: 'uint8', RGB that is rounded and clipped in the end; 'float', the same in 0..255 and
        not rounded; 'bare', the network alone, in its own space; or 'whole', which is given whole
        numbers as floats and does not round, for what has its own ways between bytes and floats.
    """
    bare = pixels == 'bare'
    dtype = tf.uint8 if pixels == 'uint8' else tf.float32
    given = tf.placeholder(dtype, [None, None, None, model.channels if bare else 3], INPUT)
    rgb, enlarged = tf.cast(given, tf.float32), None
    if model.input_is_enlarged and not bare:
        rgb = enlarged = bicubic(rgb, scale, whole=pixels in ('uint8', 'whole'))
    images = tf.identity(rgb if bare else model.from_rgb(rgb), INNER_INPUT)
    outputs = [tf.identity(output, INNER_OUTPUT % number)
               for number, output in enumerate(model.network(images, scale), 1)]
    picture = tf.identity(model.image(outputs), INNER_PICTURE)
    if not bare:
        picture = model.to_rgb(picture, enlarged)
    if pixels == 'uint8':
        picture = tf.cast(tf.round(tf.clip_by_value(picture, 0.0, 255.0)), tf.uint8)
    return Built(given, outputs, tf.identity(picture, OUTPUT))


def bicubic(images, scale, whole):
    """What `resize.upscale` makes of RGB images; with `whole` they hold whole numbers and stay so.

    Each pass leaves the `scale` pixels that it makes of one in that one's place, as channels.
    """
    taps = _taps(scale)
    for _ in range(taps.shape[1] // 2):
        # A symmetric border of one pixel repeats the edge; a wider one would mirror it.
        images = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], 'SYMMETRIC')
    rows = _convolved(images, _kernel(taps, 1)[:, np.newaxis], whole)
    pixels = _convolved(rows, _kernel(taps, scale)[np.newaxis], whole)
    return tf.depth_to_space(pixels, scale)


def _taps(scale):
    """What each of the pixels that one becomes takes of those around it, `[scale, 5]`."""
    reach = int(resize.SUPPORT)
    middle = 2 * reach
    impulses = np.eye(2 * middle + 1)[:, np.newaxis]
    answers = resize.upscale(impulses, scale)[middle * scale:(middle + 1) * scale, 0]
    return answers[:, middle - reach:middle + reach + 1]


def _kernel(taps, groups):
    """From channels (group, colour) to channels (group, new pixel, colour)."""
    kernel = np.einsum('po,gh,cd->ogchpd', taps, np.eye(groups), np.eye(3))
    return kernel.reshape(taps.shape[1], groups * 3, -1)


def _convolved(images, kernel, whole):
    images = tf.nn.conv2d(images, tf.constant(kernel, tf.float32), [1, 1, 1, 1], 'VALID')
    return tf.floor(tf.clip_by_value(images, 0.0, 255.0) + 0.5) if whole else images

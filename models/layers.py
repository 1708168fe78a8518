"""The layers that the architectures share."""
import contextlib
import zlib

from models import padding
from models.notes import note, noted
from sr_tf.compat import tf
from sr_tf.errors import UsageError

# How far, in pixels of the input, convolutions of 3 before each enlargement and after the last
# one see: the last of them half a pixel of the enlargement before it, and so on.
ENLARGING_RADIUS = 2


def sparing_memory():
    """A context in which graphs take less memory, for what is computed but not trained."""
    return noted('sparing memory', True)


def keeping_precision(context):
    """A context in which layers that need full precision are made within a `context()`."""
    return noted('full precision', context)


def precisely():
    """A context for layers that need full precision, where others compute with less."""
    return (note('full precision') or contextlib.nullcontext)()


def side_by_side(*parts):
    """All features of several tensors; what `conv2d` then reads.

    Where memory is spared they are not copied side by side, and their order is all that is noted.
    """
    if not note('sparing memory'):
        return tf.concat(parts, -1)
    return [tensor for part in parts for tensor in (part if isinstance(part, list) else [part])]


def conv2d(x, features, size, name='conv2d', initializer=None, bias=True, weight_norm=False):
    """A convolution that keeps the picture's size; its variables are `name/kernel`, `name/bias`.

    x: a tensor, or what `side_by_side` returned.
    `initializer(seed=...)` makes the kernel's first values; the seed comes from the kernel's name,
    so that they do not depend on what else is in the graph.
    With `weight_norm` a third, `name/gain`, holds the norm of each feature's kernel.
    """
    with tf.variable_scope(name) as scope:
        if features < 1:
            # TensorFlow 1.15 would end the process without a word.
            raise UsageError('%s: would have no features; the model needs more' % scope.name)
        seed = zlib.crc32(scope.name.encode()) >> 1
        parts = x if isinstance(x, list) else [x]
        depth = sum(int(part.shape[-1]) for part in parts)
        shape = [size, size, depth, features]
        initializer = (initializer or tf.glorot_uniform_initializer)(seed=seed)
        kernel = tf.get_variable('kernel', shape, tf.float32, initializer)
        if weight_norm:
            kernel = _normalized(kernel, lambda *_, **__: _norm(initializer(shape)))
        x = _sum_of_convolutions(parts, kernel) if len(parts) > 1 else _convolved(parts[0], kernel)
        if bias:
            x = tf.nn.bias_add(
                x, tf.get_variable('bias', [features], tf.float32, tf.zeros_initializer()))
        return x


def enlarge(x, scale):
    """Channels to pixels, in the order (row, column, colour)."""
    return tf.depth_to_space(x, scale)


def fan_in_uniform(seed):
    """PyTorch's default: uniform within 1/sqrt(fan_in), which keeps deep residual sums small."""
    return tf.variance_scaling_initializer(1.0 / 3.0, 'fan_in', 'uniform', seed=seed)


def count(shapes, pattern):
    """How many of the names `pattern % 0`, `pattern % 1`, ... there are."""
    number = 0
    while pattern % number in shapes:
        number += 1
    return number


def _sum_of_convolutions(parts, kernel):
    """The convolution of all parts side by side, to which each adds its own as soon as it is there.
    """
    total, first = None, 0
    for part in parts:
        last = first + int(part.shape[-1])
        with tf.control_dependencies([part]):  # lest all kernels are cut, and kept, at the start
            own = kernel[:, :, first:last]
        x = _convolved(part, own)
        total, first = x if total is None else total + x, last
    return total


def _convolved(x, kernel):
    if kernel.shape[0] > 1:
        x = padding.blank_outside(x)
    return tf.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding='SAME')


def _normalized(kernel, first_gain):
    gain = tf.get_variable('gain', kernel.shape[-1:], tf.float32, first_gain)
    return kernel * (gain / _norm(kernel))


def _norm(kernel):
    return tf.sqrt(tf.reduce_sum(tf.square(kernel), [0, 1, 2]))

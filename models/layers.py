"""The layers that the architectures share."""
import zlib

from sr_tf.compat import tf
from sr_tf.errors import UsageError

# How far, in pixels of the input, convolutions of 3 before each enlargement and after the last
# one see: the last of them half a pixel of the enlargement before it, and so on.
ENLARGING_RADIUS = 2


def conv2d(x, features, size, name='conv2d', initializer=None, bias=True, weight_norm=False):
    """A convolution that keeps the picture's size; its variables are `name/kernel`, `name/bias`.

    `initializer(seed=...)` makes the kernel's first values; the seed comes from the kernel's name,
    so that they do not depend on what else is in the graph.
    With `weight_norm` a third, `name/gain`, holds the norm of each feature's kernel.
    """
    with tf.variable_scope(name) as scope:
        if features < 1:
            # TensorFlow 1.15 would end the process without a word.
            raise UsageError('%s: would have no features; the model needs more' % scope.name)
        seed = zlib.crc32(scope.name.encode()) >> 1
        kernel = tf.get_variable('kernel', [size, size, int(x.shape[-1]), features], tf.float32,
                                 (initializer or tf.glorot_uniform_initializer)(seed=seed))
        if weight_norm:
            kernel = _normalized(kernel)
        x = tf.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding='SAME')
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


def _normalized(kernel):
    gain = tf.get_variable('gain', initializer=_norm(kernel.initialized_value()))
    return kernel * (gain / _norm(kernel))


def _norm(kernel):
    return tf.sqrt(tf.reduce_sum(tf.square(kernel), [0, 1, 2]))

"""The layers that the architectures share."""
from sr_tf.compat import tf


def conv2d(x, features, size, name='conv2d', initializer=None, bias=True, weight_norm=False):
    """A convolution that keeps the picture's size; its variables are `name/kernel`, `name/bias`.

    With `weight_norm` a third, `name/gain`, holds the norm of each feature's kernel.
    """
    with tf.variable_scope(name):
        kernel = tf.get_variable('kernel', [size, size, int(x.shape[-1]), features], tf.float32,
                                 initializer or tf.glorot_uniform_initializer())
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


def fan_in_uniform(shape, dtype=None, partition_info=None):
    """PyTorch's default: uniform within 1/sqrt(fan_in), which keeps deep residual sums small."""
    limit = float(shape[0] * shape[1] * shape[2]) ** -0.5
    return tf.random_uniform(shape, -limit, limit, dtype or tf.float32)


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

"""The layers that the architectures share."""
from sr_tf.compat import tf


def conv2d(x, features, size, name='conv2d', initializer=None, bias=True):
    """A convolution that keeps the picture's size; its variables are `name/kernel`, `name/bias`."""
    with tf.variable_scope(name):
        kernel = tf.get_variable('kernel', [size, size, x.shape[-1], features], tf.float32,
                                 initializer or tf.glorot_uniform_initializer())
        x = tf.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding='SAME')
        if bias:
            x = tf.nn.bias_add(
                x, tf.get_variable('bias', [features], tf.float32, tf.zeros_initializer()))
        return x


def enlarge(x, scale):
    """Channels to pixels, in the order (row, column, colour)."""
    return tf.depth_to_space(x, scale)

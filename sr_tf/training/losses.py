"""Mean distances between two batches, in the model's own range of values."""
from sr_tf.compat import tf

CHARBONNIER_EPSILON = 1e-3


def l1(output, truth):
    return tf.reduce_mean(tf.abs(output - truth))


def l2(output, truth):
    return tf.reduce_mean(tf.square(output - truth))


def charbonnier(output, truth):
    return tf.reduce_mean(tf.sqrt(tf.square(output - truth) + CHARBONNIER_EPSILON ** 2))


LOSSES = {'l1': l1, 'l2': l2, 'charbonnier': charbonnier}

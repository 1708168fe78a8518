"""How fast this machine convolves at best, which no training step can exceed."""
import time

from sr_tf.chips.session import Chip
from sr_tf.compat import tf

BATCH, SIDE, FEATURES = 8, 48, 128
CONVOLUTIONS = 8  # one after the other in a run, so that starting it costs little
RUNS = 12


def samples(precision):
    """TFLOP/s of a 3x3 convolution, for some runs."""
    dtype = tf.bfloat16 if precision == 'mixed' else tf.float32
    with tf.Graph().as_default() as graph:
        x = _variable([BATCH, SIDE, SIDE, FEATURES], 1.0, dtype)
        kernel = _variable([3, 3, FEATURES, FEATURES], (9 * FEATURES) ** -0.5, dtype)
        for _ in range(CONVOLUTIONS):
            x = tf.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding='SAME')
        initialize = tf.global_variables_initializer()
        with Chip('cpu', precision).session(graph) as session:
            session.run(initialize)
            seconds = [_timed(session, x.op) for _ in range(1 + RUNS)][1:]
    operations = CONVOLUTIONS * 2 * BATCH * SIDE ** 2 * 9 * FEATURES ** 2
    return [operations / each / 1e12 for each in seconds]


def _variable(shape, deviation, dtype):
    return tf.Variable(tf.cast(tf.random_normal(shape, stddev=deviation), dtype))


def _timed(session, operation):
    began = time.perf_counter()
    session.run(operation)
    return time.perf_counter() - began

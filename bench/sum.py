"""Prints how long, in seconds, processes take to sum a vector over all of them."""
import statistics
import time

import numpy as np
from absl import flags

from sr_tf import cli, distributed
from sr_tf.chips.session import Chip
from sr_tf.compat import tf

FLAGS = flags.FLAGS
WARM_UP, COUNTED = 10, 50


def define():
    flags.DEFINE_integer('floats', 1000000, 'How long the vector is.', lower_bound=1)
    flags.DEFINE_enum('distributed', 'auto', distributed.ENGINES, 'How the processes talk.')


def main(arguments):
    cli.refuse_arguments(arguments)
    chip = Chip('cpu')
    engine = distributed.start(FLAGS.distributed, chip)
    with tf.Graph().as_default() as graph:
        vector = tf.get_variable('vector', [FLAGS.floats], initializer=tf.ones_initializer())
        total = engine.sum(vector)
        initialize = tf.global_variables_initializer()
        with engine.session(chip, graph) as session:
            session.run(initialize)
            assert np.all(session.run(total) == engine.size)
            seconds = [timed(session, total.op) for _ in range(WARM_UP + COUNTED)]
    engine.close()
    print('%.6f' % statistics.median(seconds[WARM_UP:]))


def timed(session, operation):
    began = time.perf_counter()
    session.run(operation)
    return time.perf_counter() - began


if __name__ == '__main__':
    cli.run(main, define, __doc__)

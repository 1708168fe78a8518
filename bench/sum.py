"""Prints, on one line, the seconds of each sum of a vector over all processes."""
import time

import numpy as np
from absl import flags

from sr_tf import cli, distributed
from sr_tf.chips.session import Chip
from sr_tf.compat import tf

FLAGS = flags.FLAGS
WARM_UP = 10


def define():
    flags.DEFINE_integer('floats', 1000000, 'How long the vector is.', lower_bound=1)
    flags.DEFINE_integer('steps', 50, 'How often it is summed.', lower_bound=1)
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
            seconds = [timed(session, total.op) for _ in range(WARM_UP + FLAGS.steps)]
    engine.close()
    print(' '.join('%.6f' % second for second in seconds[WARM_UP:]))


def timed(session, operation):
    began = time.perf_counter()
    session.run(operation)
    return time.perf_counter() - began


if __name__ == '__main__':
    cli.run(main, define, __doc__)

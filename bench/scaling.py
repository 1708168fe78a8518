"""What a second process adds on CPUs: python -m bench.scaling -- train.py --model=...

Each process has a core of its own, and a batch of the same size.
"""
import csv
import os
import statistics
import sys
import tempfile

import numpy as np
from absl import flags

from sr_tf import checkpoint, cli
from sr_tf.distributed import launcher
from sr_tf.errors import UsageError, UserError

FLAGS = flags.FLAGS
WARM_UP = 10  # steps
ON_ITS_CORE = 'exec taskset -c "$RANK_ID" "$0" "$@"'


def define():
    flags.DEFINE_integer('rounds', 5, 'How often each way to run is measured, in turns.',
                         lower_bound=1)
    flags.DEFINE_integer('steps', 50, 'How many steps of each run count.', lower_bound=5)
    flags.DEFINE_enum('distributed', 'tf', ('tf', 'horovod'), 'How the two processes average.')


def main(command):
    if not command:
        raise UsageError('what to measure? python -m bench.scaling -- train.py --model=...')
    ways = {'one process': (1, 'none'), 'two, each for itself': (2, 'none'),
            'two, one model': (2, FLAGS.distributed)}
    seconds = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix='scaling-') as folder:
        for number in range(FLAGS.rounds):
            print('round %d, load %.2f' % (number + 1, os.getloadavg()[0]))
            for way, (processes, engine) in ways.items():
                run = os.path.join(folder, '%s %d' % (way, number))
                seconds[way].append(step_time(run, processes, engine, command))
                print('  %-22s %.4f s' % (way, seconds[way][-1]), flush=True)
        floats = averaged_floats(os.path.join(run, '0'))
        alone = sum_time(os.path.join(folder, 'sum'), floats)
    one, apart, together = (statistics.median(seconds[way]) for way in ways)
    print('seconds a step: one %.4f, two each for itself %.4f, two one model %.4f; efficiency '
          '%.1f %%; averaged a step: %d bytes, which alone takes %.4f s'
          % (one, apart, together, 100 * one / together, 4 * floats, alone))


def step_time(folder, processes, engine, command):
    """Seconds a step: the median of a training by so many processes."""
    start(folder, processes, ON_ITS_CORE + ' --train_path="%s/$RANK_ID"' % folder, command + [
        '--chip=cpu', '--distributed=' + engine, '--log_freq=5',
        '--max_steps=%d' % (WARM_UP + FLAGS.steps)])
    with open(os.path.join(folder, '0', 'train.csv'), newline='') as file:
        return statistics.median(float(row['sec_per_batch']) for row in csv.DictReader(file)
                                 if int(row['step']) > WARM_UP)


def averaged_floats(run):
    """How many numbers go from process to process in each step of a run at one scale."""
    shapes = checkpoint.read_shapes(checkpoint.resolve(run))
    sizes = [int(np.prod(shape)) for name, shape in shapes.items() if checkpoint.is_weight(name)]
    return sum(sizes) + 2  # the loss, and the wish to stop


def sum_time(folder, floats):
    """Seconds for the sum over two processes of so many numbers, with nothing else to do."""
    start(folder, 2, ON_ITS_CORE, ['-m', 'bench.sum', '--distributed=' + FLAGS.distributed,
                                   '--floats=%d' % floats])
    with open(os.path.join(folder, 'rank-0.log')) as file:
        return float(file.read().split()[-1])


def start(folder, processes, shell, command):
    environments = launcher.environments(processes, ['127.0.0.1'], 0)
    if launcher.run(['sh', '-c', shell, sys.executable] + command, environments, folder):
        with open(os.path.join(folder, 'rank-0.log')) as file:
            raise UserError('%s failed: %s' % (command[0], file.read()))


if __name__ == '__main__':
    cli.run(main, define, __doc__)

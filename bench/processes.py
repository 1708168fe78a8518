"""Two processes with a core each, against one process on one core.

Each has a batch of the same size. With two that train a model each one sees what sharing the memory
costs, and with two that train one model what averaging the gradients costs beside it.
"""
import functools
import importlib.util
import os
import shutil
import sys
import tempfile
from collections import namedtuple

import numpy as np

from bench.command_line import WARM_UP, step_seconds
from bench.result import Row
from bench.turns import take_turns
from sr_tf import checkpoint, cores
from sr_tf.distributed import launcher
from sr_tf.errors import UserError

SUM_STEPS = 50
FP32 = {'precision': 'fp32'}

Case = namedtuple('Case', 'subject batch patch flags')
Case.__doc__ = """A training; `batch` and `patch` are those of each process."""

SUMMARY = [Case('bsrn x2', 2, 16, ['--model=bsrn'])]
FULL = SUMMARY + [
    Case('bsrn x2', 8, 24, ['--model=bsrn']),
    Case('rcan x2 of 3 groups of 4 blocks', 4, 24,
         ['--model=rcan', '--rcan_num_rg=3', '--rcan_num_rcab=4']),
    Case('rcan x2', 4, 24, ['--model=rcan'])]

against = 'two, one model'


def rows(full):
    if cores.usable() < 2:
        print('processes: left out: needs two cores', file=sys.stderr)
        return
    for case in FULL if full else SUMMARY:
        yield from measured(case, steps=20 if full else 10, rounds=5 if full else 2)


def measured(case, steps, rounds):
    """A row for each way to run a case, and one for the sum over two processes by itself."""
    ways = {'one': (1, 'none'), 'two, each for itself': (2, 'none'), against: (2, 'tf')}
    if importlib.util.find_spec('horovod'):
        ways['two, one model by Horovod'] = (2, 'horovod')
    subject = '%s, %d patches of %d' % (case.subject, case.batch, case.patch)
    with tempfile.TemporaryDirectory(prefix='processes-') as folder:
        def rate(processes, engine):
            run = os.path.join(folder, '%d %s' % (processes, engine))
            shutil.rmtree(run, ignore_errors=True)
            return processes * case.batch / step_time(run, processes, engine, case, steps)

        rates = take_turns({way: functools.partial(rate, *how) for way, how in ways.items()},
                           rounds, warm_up=0)
        for way, samples in rates.items():
            yield Row(subject, way, 'patches/s', samples, FP32)
        floats = averaged_floats(os.path.join(folder, '1 none', '0'))
        yield Row('the sum of %d floats alone' % floats, against, 's', sum_times(folder, floats),
                  FP32)


def step_time(folder, processes, engine, case, steps):
    """Seconds a step: the median of a training by so many processes."""
    start(folder, processes, ' --train_path="%s/$RANK_ID"' % folder, [
        'train.py', '--scales=2', '--dataloader=demo_loader', '--chip=cpu', '--precision=fp32',
        '--batch_size=%d' % case.batch, '--input_patch_size=%d' % case.patch, '--log_freq=1',
        '--max_steps=%d' % (WARM_UP + steps), '--distributed=' + engine] + case.flags)
    return step_seconds(os.path.join(folder, '0'))


def averaged_floats(run):
    """How many numbers go from process to process in each step of a run at one scale."""
    shapes = checkpoint.read_shapes(checkpoint.resolve(run))
    sizes = [int(np.prod(shape)) for name, shape in shapes.items() if checkpoint.is_weight(name)]
    return sum(sizes) + 2  # the loss, and the wish to stop


def sum_times(folder, floats):
    """Seconds for each sum over two processes of so many numbers, with nothing else to do."""
    start(folder, 2, '', ['-m', 'bench.sum', '--distributed=tf', '--floats=%d' % floats,
                         '--steps=%d' % SUM_STEPS])
    with open(os.path.join(folder, 'rank-0.log')) as file:
        return [float(word) for word in file.read().splitlines()[-1].split()]


def start(folder, processes, flags, command):
    """Runs a command in processes, each on a core of its own; shell variables in `flags` are its.
    """
    numbers = ' '.join(map(str, sorted(os.sched_getaffinity(0))))
    shell = 'set -- "$0" "$@"%s; own() { shift "$RANK_ID"; echo "$1"; }; ' % flags
    shell += 'exec taskset -c "$(own %s)" "$@"' % numbers
    environments = launcher.environments(processes, ['127.0.0.1'], 0)
    if launcher.run(['sh', '-c', shell, sys.executable] + command, environments, folder):
        with open(os.path.join(folder, 'rank-0.log')) as file:
            raise UserError('%s failed: %s' % (command[0], file.read()))

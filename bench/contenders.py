"""Training steps of one network, made by ourselves or by PyTorch, each by a process of its own."""
import statistics
import sys
from collections import namedtuple

import models
from bench.worker import Worker
from sr_tf import cores
from sr_tf.chips.session import Chip
from sr_tf.flags import RECIPE

Case = namedtuple('Case', 'network scale batch patch')

Peer = namedtuple('Peer', 'precision compiled channels_last')
Peer.__doc__ = """A way to train in PyTorch; `precision` is 'bf16' or 'fp32'."""

SECONDS_A_TURN = 0.5

# glibc gives large blocks back to the system each time, which then clears them anew, in up to a
# third of PyTorch's time. TensorFlow keeps them by itself, and gains nothing from this.
KEEPS_MEMORY = {'MALLOC_MMAP_MAX_': '0', 'MALLOC_TRIM_THRESHOLD_': str(1 << 36),
                'GLIBC_TUNABLES': 'glibc.malloc.hugetlb=1'}


def our_precisions():
    """Those that this machine computes in."""
    return [precision for precision in ('mixed', 'fp32')
            if Chip('cpu', precision).precision == precision]


class Contender:
    """Makes some steps when it is called, and returns the seconds that one took.

    answer: what its process last said, among which `peak` and `grew` are bytes of memory: the most
        that it ever held, and how many of them it did not hold before there was a network.
    """

    def __init__(self, worker, settings):
        self._worker = worker
        self._steps = 1
        worker.ask(**settings)
        self()  # prepares itself

    def __call__(self):
        self.answer = self._worker.ask(steps=self._steps)
        seconds = statistics.mean(self.answer['seconds'])
        self._steps = max(1, int(SECONDS_A_TURN / seconds))
        return seconds


def ours(stack, case, precision, recompute=False):
    """Our steps as train.py makes them, until the `ExitStack` is left."""
    worker = stack.enter_context(Worker(sys.executable, 'bench.our_step'))
    return Contender(worker, dict(case._asdict(), precision=precision, recompute=recompute))


def pytorch(stack, case, peer, python, environment=KEEPS_MEMORY):
    """The same for PyTorch in a Python that has it."""
    worker = stack.enter_context(Worker(python, 'bench.pytorch.worker', environment))
    recipe = dict(RECIPE, **models.find(case.network).recipe)
    of_recipe = {name: recipe[name] for name in ('loss', 'learning_rate', 'adam_epsilon')}
    return Contender(worker, dict(case._asdict(), threads=cores.usable(), **peer._asdict(),
                                  **of_recipe))

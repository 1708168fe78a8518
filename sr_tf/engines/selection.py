"""The engine that is asked for, or the fastest of those that compute what they should."""
import math
import sys
import time
from collections import namedtuple

from sr_tf.engines import ENGINES
from sr_tf.engines.runtimes import is_installed
from sr_tf.errors import UserError, require_known
from sr_tf.graphs import probe
from sr_tf.graphs.exported import PROOF_SIZE

TIMED_SIZE = (64, 64)  # on smaller ones engines do not come in the order that they have on large
MOST_RUNS, ENOUGH_SECONDS = 3, 1.0
MIXED_TOLERANCE = 4.0  # of 255: bfloat16 has three digits, and every layer rounds to them

Trial = namedtuple('Trial', 'engine network seconds finding')
Trial.__doc__ = """How an engine did; one that is of no use has no network."""


def open_network(engine, source, chip, enlarge):
    """A `Network` from a source in one of `ENGINES`.

    `enlarge(network, picture)` is how the network is tried, where that is needed.
    """
    require_known('engine', engine, ENGINES)
    if engine == 'auto' and chip.kind != 'cpu' and 'tf' in source.engines:
        print('engine: tf (the others are for CPUs)', file=sys.stderr)
        return source.open('tf', chip)
    if engine == 'auto':
        return _fastest(source, chip, enlarge)
    if engine == 'onnxruntime' and chip.precision == 'mixed':
        print('warning: --precision=mixed: ONNX Runtime has no bfloat16 on CPUs; computing in fp32',
              file=sys.stderr)
    return source.open(engine, chip)


def _fastest(source, chip, enlarge):
    proof = source.proof(lambda network: enlarge(network, probe.picture(*PROOF_SIZE)))
    trials = [_tried(engine, source, chip, enlarge, proof) for engine in source.engines]
    best = min(trials, key=lambda trial: trial.seconds)
    for trial in trials:
        if trial.network and trial is not best:
            trial.network.close()
    findings = ', '.join('%s %s' % (trial.engine, trial.finding) for trial in trials)
    if not best.network:
        raise UserError('--engine=auto: nothing here computes %s: %s' % (source.name, findings))
    print('engine: %s (for %dx%d pixels: %s)' % ((best.engine,) + TIMED_SIZE + (findings,)),
          file=sys.stderr)
    return best.network


def _tried(engine, source, chip, enlarge, proof):
    if engine != 'tf' and chip.kind != 'cpu':
        return Trial(engine, None, math.inf, 'is for CPUs')
    if engine != 'tf' and not is_installed(engine):
        return Trial(engine, None, math.inf, 'is not installed')
    try:
        return _measured(engine, source, chip, enlarge, proof)
    except Exception as error:  # of a kind that each of them has for itself
        if engine == 'tf':
            raise
        return Trial(engine, None, math.inf, 'fails (%.100s)' % ' '.join(str(error).split()))


def _measured(engine, source, chip, enlarge, proof):
    network = source.open(engine, chip)
    difference = probe.difference(enlarge(network, probe.picture(*PROOF_SIZE)), proof)
    if not difference <= (MIXED_TOLERANCE if chip.precision == 'mixed' else probe.TOLERANCE):
        network.close()
        return Trial(engine, None, math.inf, 'differs by %.2g of 255' % difference)
    seconds = _seconds(lambda: enlarge(network, probe.picture(*TIMED_SIZE)))
    return Trial(engine, network, seconds, '%.3f s' % seconds)


def _seconds(compute):
    """The least that a computation takes, once it has been done before."""
    compute()
    spent = []
    while len(spent) < MOST_RUNS and sum(spent) < ENOUGH_SECONDS:
        began = time.monotonic()
        compute()
        spent.append(time.monotonic() - began)
    return min(spent)

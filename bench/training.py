"""Training: seconds a step, beside PyTorch in each of its ways.

Each of PyTorch's ways is tried first, alone: several large networks would not fit the memory.  The
quickest for each precision is then called 'PyTorch fp32' or 'PyTorch bf16', whichever way it was,
and takes turns with ours, each in a process of its own.
"""
import contextlib
import itertools
import statistics
import sys

import models
from bench import ceiling, options
from bench.contenders import Case, Peer, our_precisions, ours, pytorch
from bench.result import Row
from bench.turns import take_turns
from sr_tf import cores
from sr_tf.errors import UserError

against = ('sr-tf mixed', 'sr-tf fp32')

PUBLISHED = (
    Case('bsrn', 4, 8, 48),
    Case('wdsr', 2, 16, 48),
    Case('rcan', 2, 8, 48),  # published with a batch of 160
    Case('rdn', 2, 16, 32),  # published with a batch of 64
    Case('srcnn', 2, 16, 33),
)
SUMMARY_BATCHES = {'bsrn': 1, 'wdsr': 2, 'rcan': 1, 'rdn': 1, 'srcnn': 16}
PEERS = [Peer(*way) for way in itertools.product(('bf16', 'fp32'), (False, True), (True, False))]
PEERS_PRECISION = {'mixed': 'bf16', 'fp32': 'fp32'}
SUMMARY_PEERS = [peer for peer in PEERS if peer.channels_last and not peer.compiled]
TRIALS, ROUNDS = 2, 5


def rows(full):
    for precision in our_precisions():
        yield Row('one 3x3 convolution', 'sr-tf ' + precision, 'TFLOP/s',
                  ceiling.samples(precision), {
                      'batch': ceiling.BATCH, 'patch': ceiling.SIDE, 'threads': cores.usable(),
                      'features': ceiling.FEATURES})
    python = options.torch_python()
    if not python:
        print('no rows of PyTorch: this Python has none; see --torch_python', file=sys.stderr)
    for case in PUBLISHED:
        if case.network in options.networks():
            batch = case.batch if full else SUMMARY_BATCHES[case.network]
            yield from steps(case._replace(batch=batch), PEERS if full else SUMMARY_PEERS, python)


def steps(case, peers, python):
    """The rows of one network."""
    trials = tried(case, peers, python) if python else {}
    for precision in our_precisions():
        with contextlib.ExitStack() as stack:
            ways = {'sr-tf ' + precision: ours(stack, case, precision)}
            rivals = [peer for peer in trials if peer.precision == PEERS_PRECISION[precision]]
            if rivals:
                best = min(rivals, key=lambda peer: statistics.median(trials[peer]))
                del trials[best]
                ways[best] = pytorch(stack, case, best, python)
            for way, seconds in take_turns(ways, ROUNDS, warm_up=0).items():
                if way in rivals:
                    yield row(case, 'PyTorch ' + best.precision, seconds, ways_of(best))
                else:
                    yield row(case, way, seconds, {})
    for peer, seconds in trials.items():
        yield row(case, 'PyTorch ' + described(peer), seconds, ways_of(peer))


def tried(case, peers, python):
    """The seconds of some steps of each of PyTorch's ways that work here."""
    found = {}
    for peer in peers:
        try:
            with contextlib.ExitStack() as stack:
                contender = pytorch(stack, case, peer, python)
                found[peer] = [contender() for _ in range(TRIALS)]
        except UserError as error:
            print('%s: PyTorch %s is left out: %s' % (case.network, described(peer), error),
                  file=sys.stderr)
    return found


def row(case, way, seconds, settings):
    speed = operations(case) / statistics.median(seconds) / 1e12
    return Row('%s x%d' % (case.network, case.scale), way, 's/step', seconds, dict(
        {'batch': case.batch, 'patch': case.patch, 'threads': cores.usable()},
        **dict(settings, **{'TFLOP/s': '%.3g' % speed})))


def ways_of(peer):
    return {'layout': 'channels_last' if peer.channels_last else 'contiguous',
            'mode': 'compiled' if peer.compiled else 'eager'}


def described(peer):
    return ', '.join([peer.precision, ways_of(peer)['mode'], ways_of(peer)['layout']])


def operations(case):
    """Those of the convolutions of a step: forward, and twice that for the gradients."""
    model = models.find(case.network)([case.scale])
    of_patch = model.multiply_adds(case.scale, case.patch, case.patch)
    if model.input_is_enlarged:
        of_patch /= case.scale ** 2
    return 3 * 2 * of_patch * case.batch

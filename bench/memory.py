"""Memory: the most that a process takes that trains BSRN, beside PyTorch.

The time of a step stands beside it, because either can be had for the other.
"""
import contextlib
import sys

from bench import options
from bench.contenders import KEEPS_MEMORY, Case, Peer, our_precisions, ours, pytorch
from bench.result import Row
from bench.turns import take_turns
from sr_tf import cores
from sr_tf.errors import UserError

against = ('sr-tf mixed', 'sr-tf fp32')

PUBLISHED = Case('bsrn', 4, 8, 48)
ROUNDS = 3


def rows(full):
    case = PUBLISHED if full else PUBLISHED._replace(batch=1)
    with contextlib.ExitStack() as stack:
        contenders = {
            'sr-tf %s%s' % (precision, ', recompute' if recompute else ''):
                ours(stack, case, precision, recompute)
            for precision in our_precisions() for recompute in (False, True)}
        contenders.update(peers(stack, case, full))
        seconds = take_turns(contenders, ROUNDS, warm_up=0)
        answers = {way: contender.answer for way, contender in contenders.items()}
    subject = '%s x%d' % (case.network, case.scale)
    settings = {'batch': case.batch, 'patch': case.patch, 'threads': cores.usable()}
    for way, answer in answers.items():
        own = dict(settings, **{'of it for the network': '%.0f MB' % (answer['grew'] / 1e6)})
        yield Row(subject, way, 'MB', [answer['peak'] / 1e6], own)
    for way, samples in seconds.items():
        yield Row(subject, way, 's/step', samples, settings)


def peers(stack, case, full):
    """PyTorch's ways: as fast as it can be, and those that may take less memory."""
    python = options.torch_python()
    found = {}
    for precision in ('bf16', 'fp32') if python else ():
        name = 'PyTorch ' + precision
        eager = Peer(precision, compiled=False, channels_last=True)
        found[name] = pytorch(stack, case, eager, python, KEEPS_MEMORY)
        found[name + ', memory given back'] = pytorch(stack, case, eager, python, {})
        if full:
            try:
                compiled = eager._replace(compiled=True)
                found[name + ', compiled'] = pytorch(stack, case, compiled, python, KEEPS_MEMORY)
            except UserError as error:
                print('%s, compiled, is left out: %s' % (name, error), file=sys.stderr)
    return found

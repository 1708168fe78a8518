"""Nothing grows: memory and step time over many small training steps.

One run of train.py, of which each tenth stands beside the last. In each it writes checkpoints and
pictures for TensorBoard and validates, which is where memory is lost if it is anywhere. The
processor's seconds stand beside those of the clock, because other programs change them less.
"""
import contextlib
import os
import tempfile
import time
from collections import namedtuple

from bench import photographs
from bench.answering import memory
from bench.command_line import lines_of_training, logged
from bench.machine import ROOT
from bench.result import Row
from sr_tf import cores

PHOTOGRAPHS, SIDE = 6, 256
BATCH, PATCH = 2, 16
TENTHS = 10

Case = namedtuple('Case', 'steps log_freq save_freq')
Case.__doc__ = """A training that is looked at whenever it logs, and validates whenever it saves.

save_freq: a multiple of log_freq, so that no step's time holds that of a validation.
"""

SUMMARY, FULL = Case(4000, 20, 40), Case(20000, 100, 200)

against = 'tenth %d' % TENTHS


def rows(full):
    with tempfile.TemporaryDirectory(prefix='steady-') as folder:
        yield from measured(FULL if full else SUMMARY, folder)


def measured(case, folder):
    """For memory and either time of a step a row for each tenth of the run `folder`/run."""
    photos, run = (os.path.join(folder, name) for name in ('photos', 'run'))
    photographs.write(photos, PHOTOGRAPHS, SIDE, SIDE)
    held, computed = watched(run, [
        '--model=srcnn', '--scales=2', '--chip=cpu', '--precision=fp32',
        '--batch_size=%d' % BATCH, '--input_patch_size=%d' % PATCH,
        '--dataloader=folder_loader', '--data_truth_path=' + photos, '--valid_truth_path=' + photos,
        '--pack_path=' + os.path.join(folder, 'packs'), '--max_steps=%d' % case.steps,
        '--log_freq=%d' % case.log_freq, '--summary_freq=%d' % case.save_freq,
        '--save_freq=%d' % case.save_freq, '--validate_freq=%d' % case.save_freq,
        '--save_max_keep=3'])
    settings = {'steps': case.steps, 'validations': case.steps // case.save_freq, 'batch': BATCH,
                'patch': PATCH, 'threads': cores.usable()}
    for unit, samples in (
            ('MB', [size / 1e6 for size in held]),
            ('s/step', [seconds for _, seconds in logged(run)]),
            ('processor s/step', [seconds / case.log_freq for seconds in computed])):
        for number in range(TENTHS):
            share = slice(*(len(samples) * end // TENTHS for end in (number, number + 1)))
            yield Row('srcnn x2', 'tenth %d' % (number + 1), unit, samples[share], settings)


def watched(run, flags):
    """The bytes that train.py holds at each report, and what it computed since the line before.

    That line is of a report or of a validation, so that the steps alone are between them.
    """
    held, computed, before = [], [], 0
    for process, line in lines_of_training(ROOT, run, flags):
        with contextlib.suppress(KeyError, OSError):  # It may have ended since its last line.
            now = processor_seconds(process)
            if ' sec/batch ' in line:
                held.append(memory(process)[0])
                computed.append(now - before)
            before = now
    return held, computed


def processor_seconds(process):
    """Of all its threads, also those that ended; by the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~process << 3 | 2)

"""The same training step and picture, by other versions of TensorFlow.

Those of --pythons, by the command line, in fp32 on all cores.
"""
import functools
import os
import subprocess
import sys
import tempfile
from collections import namedtuple

from bench import command_line, options
from bench.machine import ROOT
from bench.result import Row
from bench.turns import take_turns
from sr_tf import cores

STEPS, PICTURES = 15, 8

Case = namedtuple('Case', 'model batch patch side')
Case.__doc__ = """A training, and a square picture for what was trained."""

SUMMARY, FULL = Case('wdsr', 4, 24, 96), Case('wdsr', 16, 48, 192)

against = 'this TensorFlow'


def rows(full):
    others = {version(python): python for python in options.pythons()}
    if not others:
        print('versions: left out: no other Pythons are given; see --pythons', file=sys.stderr)
        return
    yield from measured(others, FULL if full else SUMMARY, rounds=5 if full else 2)


def measured(others, case, rounds):
    """A row for each of the Pythons, a mapping of names to paths, and for the present one."""
    pythons = dict({against: sys.executable}, **others)
    flags = ['--model=' + case.model, '--batch_size=%d' % case.batch,
             '--input_patch_size=%d' % case.patch]
    common = {'precision': 'fp32', 'threads': cores.usable()}
    with tempfile.TemporaryDirectory(prefix='versions-') as folder:
        runs = {way: os.path.join(folder, str(number)) for number, way in enumerate(pythons)}
        # Each leaves out the first of its own steps and pictures.
        samples = take_turns({
            way: functools.partial(command_line.train, python, ROOT, runs[way], flags, STEPS)
            for way, python in pythons.items()}, rounds, warm_up=0)
        for way in pythons:
            yield Row('a step of %s x2' % case.model, way, 's/step', samples[way],
                      dict(common, batch=case.batch, patch=case.patch))
        pictures = os.path.join(folder, 'pictures')
        command_line.write_pictures(pictures, case.side, PICTURES)
        samples = take_turns({
            way: functools.partial(command_line.predict, python, ROOT, runs[way], pictures, [])
            for way, python in pythons.items()}, rounds, warm_up=0)
        for way in pythons:
            yield Row('a picture by %s x2' % case.model, way, 's', samples[way],
                      dict(common, pixels='%dx%d' % (case.side, case.side)))


def version(python):
    """What pip calls the TensorFlow that a Python has."""
    code = 'from sr_tf.compat import tensorflow_version; print(tensorflow_version())'
    return 'tensorflow==' + subprocess.check_output(
        [python, '-c', code], cwd=ROOT, text=True).strip()

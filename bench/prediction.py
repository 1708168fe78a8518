"""Prediction: seconds for a picture, by TensorFlow and by other engines on the same weights.

All compute pictures whole, on all cores; others from the graph that `export.py` writes as ONNX.
"""
import os
import sys
import tempfile

import models
from bench import options, untrained
from bench.result import Row
from bench.turns import take_turns, timed
from sr_tf import checkpoint, cores
from sr_tf.chips.session import Chip
from sr_tf.engines.runtimes import RUNTIMES, is_installed
from sr_tf.graphs import probe
from sr_tf.upscaler import load, read_model

SCALE = 4
SUMMARY = ('srcnn', 'wdsr', 'bsrn')
WAYS = {'sr-tf fp32': ('tf', 'fp32'), 'sr-tf mixed': ('tf', 'mixed'),
        'sr-tf auto': ('auto', 'mixed'), 'ONNX Runtime fp32': ('onnxruntime', 'fp32'),
        'OpenVINO fp32': ('openvino', 'fp32'), 'OpenVINO bf16': ('openvino', 'mixed')}

against = ('sr-tf mixed', 'sr-tf auto')


def rows(full):
    side, rounds, seconds = (128, 3, None) if full else (64, 3, 15)
    ways = available()
    with tempfile.TemporaryDirectory(prefix='prediction-') as folder:
        for prefix in options.checkpoints() or untrained_runs(folder, full):
            yield from measured(prefix, ways, side, rounds, seconds)


def untrained_runs(folder, full):
    for name in models.names() if full else SUMMARY:
        yield untrained.write_run(os.path.join(folder, name), models.find(name)((SCALE,)))


def measured(prefix, ways, side, rounds, seconds=None):
    """A row for each way to enlarge a square picture by a checkpoint's largest scale."""
    model = read_model(checkpoint.resolve(prefix))
    scale, picture = max(model.scales), probe.picture(side, side)
    upscalers = {way: load(prefix, Chip('cpu', precision), tile=None, engine=engine)
                 for way, (engine, precision) in ways.items()}
    samples = take_turns({way: timed(upscaler, picture, scale)
                          for way, upscaler in upscalers.items()}, rounds, seconds=seconds)
    for way, upscaler in upscalers.items():
        upscaler.close()
        yield Row('%s x%d' % (model.name(), scale), way, 's', samples[way],
                  {'pixels': '%dx%d' % (side, side), 'threads': cores.usable()})


def available():
    """The ways that this machine has, by their names; one line says of each other why not."""
    found = {}
    for way, (engine, precision) in WAYS.items():
        if engine in RUNTIMES and not is_installed(engine):
            print('%s: left out: %s is not installed' % (way, engine), file=sys.stderr)
        elif Chip('cpu', precision).precision != precision:
            print('%s: left out' % way, file=sys.stderr)
        else:
            found[way] = engine, precision
    return found

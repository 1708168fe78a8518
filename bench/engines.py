"""How long each engine takes for a megapixel, in fp32 and in bfloat16: a row for each checkpoint.

usage: python -m bench.engines CHECKPOINT...

All take turns, so that whatever else the machine does slows all of them, and the median counts.
"""
import itertools
import os
import statistics
import sys
import time

from sr_tf.chips.session import Chip
from sr_tf.engines.runtimes import RUNTIMES
from sr_tf.graphs import probe
from sr_tf.upscaler import load

SIDE = 128
ROUNDS = 5
COLUMNS = [pair for pair in itertools.product(('tf',) + tuple(RUNTIMES), ('fp32', 'mixed'))
           if pair != ('onnxruntime', 'mixed')]


def main(checkpoints):
    print('| network | %s |' % ' | '.join('%s %s' % column for column in COLUMNS))
    print('|---' * (len(COLUMNS) + 1) + '|')
    for checkpoint in checkpoints:
        print(row(checkpoint), flush=True)
    print('load of the machine: %.1f' % os.getloadavg()[0])


def row(checkpoint):
    upscalers = {column: load(checkpoint, Chip('cpu', column[1]), tile=None, engine=column[0])
                 for column in COLUMNS}
    model = upscalers[COLUMNS[0]].model
    scale, picture = model.scales[0], probe.picture(SIDE, SIDE)
    spent = {column: [] for column in COLUMNS}
    for number in range(ROUNDS + 1):
        for column, upscaler in upscalers.items():
            began = time.time()
            upscaler(picture, scale)
            if number:  # before which each prepares itself
                spent[column].append(time.time() - began)
    megapixels = (SIDE * scale) ** 2 / 1e6
    return '| %s x%d | %s |' % (model.name(), scale, ' | '.join(
        '%.1f' % (statistics.median(spent[column]) / megapixels) for column in COLUMNS))


if __name__ == '__main__':
    main(sys.argv[1:])

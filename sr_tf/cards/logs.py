"""The logs of a training: `weights/logs/NAME.csv`, or NAME_1.csv, NAME_2.csv, ... in a row."""
import glob
import os
import re

from sr_tf.report.charts import line_chart
from sr_tf.training import table
from sr_tf.whole_file import whole_or_absent

STYLE = '''<style>
text { font: 13px sans-serif; fill: #57606a; text-anchor: middle }
text.y { text-anchor: end; dominant-baseline: central }
path { fill: none; stroke: #d0d7de }
polyline { fill: none; stroke: #2b6cb0; stroke-width: 2 }
polyline.raw { stroke-width: 1; opacity: .3 }
circle { fill: #2b6cb0 }
</style>'''


def in_order(names):
    """Sorted by the numbers in them, of which 10 comes after 9."""
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part
                                           for part in re.split(r'([0-9]+)', name)])


def hours(prefix):
    """That the steps took; validations not counted."""
    total = 0.0
    for rows in _tables(prefix):
        last = 0
        for row in rows:
            if row['sec_per_batch']:
                total += (int(row['step']) - last) * float(row['sec_per_batch'])
                last = int(row['step'])
    return total / 3600


def draw(prefix):
    """The PSNR on images held out, by the step, as NAME.svg beside the logs.

    Returns the name of the file, or None without any such scores.
    """
    points, before = [], 0
    for rows in _tables(prefix):
        points += [(before + int(row['step']), float(row['psnr'])) for row in rows if row['psnr']]
        before += int(rows[-1]['step'])
    chart = line_chart(points, 'step')
    if not chart:
        return None
    path = _path(prefix, '.svg')
    root, rest = chart.split('>', 1)
    with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
        file.write('%s xmlns="http://www.w3.org/2000/svg">%s%s\n' % (root, STYLE, rest))
    return os.path.basename(path)


def _tables(prefix):
    """The rows of each log."""
    known = re.compile(re.escape(os.path.basename(prefix)) + r'(_\d+)?\.csv$')
    for path in in_order(glob.glob(_path(glob.escape(prefix), '*.csv'))):
        if known.match(os.path.basename(path)):
            yield table.read(path)


def _path(prefix, ending):
    folder, name = os.path.split(prefix)
    return os.path.join(folder, 'logs', name + ending)

"""Measures what this suite does beside what one would otherwise use.

Name the tables, or none for all of them, each measured by a process of its own. PyTorch is compared
with where it is installed, see --torch_python.
"""
import datetime
import os
import subprocess
import sys
import time

from absl import flags

import bench
from bench import chart, machine, markdown, options, result
from sr_tf import cli
from sr_tf.errors import UserError

FLAGS = flags.FLAGS


def main(names):
    names = names or bench.names()
    tables = [bench.find(name) for name in names]
    torch_python = options.torch_python()
    date = datetime.date.today().isoformat()
    folder = FLAGS.output_path or os.path.join('bench-results', date)
    if len(names) == 1:
        measure(names[0], tables[0], folder, date, torch_python)
        return
    failed = measure_apart(names, folder)
    picture = os.path.join(folder, 'chart.png')
    if os.path.isdir(folder) and chart.write(picture, result.read_folder(folder)):
        print(picture)
    if failed:
        raise UserError('not measured: %s; see above' % ', '.join(failed))


def measure_apart(names, folder):
    """Each by a new process, in which nothing of another is left; returns those that failed."""
    given = [FLAGS[name].serialize() for name in FLAGS if FLAGS[name].present]
    failed = []
    for name in names:
        began = time.time()
        command = [sys.executable, '-m', 'bench'] + given + ['--output_path=' + folder, name]
        if subprocess.call(command):
            failed.append(name)
        print('(%s: %.0f s)\n' % (name, time.time() - began), flush=True)
    return failed


def measure(name, table, folder, date, torch_python):
    """Keeps what it has after each row, so that little is lost when it is stopped."""
    path = os.path.join(folder, name + '.json')
    against = (table.against,) if isinstance(table.against, str) else tuple(table.against)
    print('%s, %s' % (name, bench.title(table)), flush=True)
    measured = result.Result(name, bench.title(table), against, FLAGS.full, date,
                             machine.machine(), machine.versions(torch_python),
                             [machine.load()] * 2, [])
    for row in table.rows(FLAGS.full):
        measured.rows.append(row)
        measured.load[1] = machine.load()
        result.write(path, measured)
        print('  %s, %s: %s %s' % (row.subject, row.way, markdown.number(result.median(row)),
                                   row.unit), flush=True)
    if measured.rows:
        print('\n%s\n\n%s' % (markdown.table(measured), path))


if __name__ == '__main__':
    cli.run(main, options.define, __doc__)

"""How fast train.py and predict.py are, by the files that they write: of any commit, by any Python.
"""
import glob
import os
import shutil
import statistics
import subprocess
import sys

from PIL import Image

from sr_tf.errors import UserError
from sr_tf.graphs import probe
from sr_tf.training import table

WARM_UP = 5  # steps


def train(python, root, run, flags, steps):
    """Seconds a step of a new run on the photographs inside scikit-image's wheel."""
    shutil.rmtree(run, ignore_errors=True)
    call(python, root, run, ['train.py', '--dataloader=demo_loader', '--scales=2', '--chip=cpu',
                             '--train_path=' + run, '--log_freq=1',
                             '--max_steps=%d' % (WARM_UP + steps)] + flags)
    return step_seconds(run)


def step_seconds(run):
    """The median of a run's steps beyond those that warm up; each is a line of its log."""
    return statistics.median(seconds for step, seconds in logged(run) if step > WARM_UP)


def logged(run):
    """For each line of a run's log its step, and the seconds a step took since the line before."""
    return [(int(row['step']), float(row['sec_per_batch']))
            for row in table.read(os.path.join(run, 'train.csv'))
            if row['sec_per_batch']]  # Lines of validations have none.


def lines_of_training(root, run, flags):
    """Yields the process's number and a line, for each that train.py prints."""
    words = [sys.executable, 'train.py', '--train_path=' + run] + flags
    with subprocess.Popen(words, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True) as script:
        for line in script.stdout:
            yield script.pid, line
    if script.returncode:
        raise UserError('train.py failed, see above')


def write_pictures(folder, side, count):
    os.makedirs(folder)
    for number in range(count):
        Image.fromarray(probe.picture(side, side)).save(os.path.join(folder, '%d.png' % number))


def predict(python, root, run, pictures, flags):
    """Seconds a picture of a folder that `write_pictures` wrote, by the newest weights of a run.

    That is from one enlarged picture to the next, so that it contains no start.
    """
    enlarged = run + '.enlarged'
    shutil.rmtree(enlarged, ignore_errors=True)
    call(python, root, run, ['predict.py', '--restore_path=' + run, '--chip=cpu',
                             '--input_path=' + pictures, '--output_path=' + enlarged] + flags)
    written = sorted(os.stat(path).st_mtime_ns for path in glob.glob(enlarged + '/*.png'))
    # The first waits for what each session prepares.
    return statistics.median(
        (after - before) / 1e9 for before, after in zip(written[1:], written[2:]))


def call(python, root, run, words):
    """Runs a script of the working tree `root`, with a cache of its own beside the run."""
    environment = dict(os.environ, XDG_CACHE_HOME=run + '.cache')
    environment.pop('PYTHONPATH', None)
    done = subprocess.run([python] + words, cwd=root, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise UserError('%s in %s failed: %s' % (
            words[0], root, (done.stderr.strip().splitlines() or ['it does not say why'])[-1]))

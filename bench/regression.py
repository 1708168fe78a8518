"""Compares the speed of this working tree with that of the previous release, in five minutes.

The previous release is the newest tag v... behind the present commit, or else the commit before it.
It is quiet about noise: the exit code says only whether this tree works.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple

from bench import command_line
from bench.machine import ROOT
from bench.turns import take_turns
from sr_tf import cli
from sr_tf.errors import UserError

SECONDS = 60  # for each case, and the turns that were begun
ROUNDS = 5
STEPS = 15
SIDE, PICTURES = 96, 8
ALARMING = 1.1

Case = namedtuple('Case', 'name script flags')

CASES = (
    Case('a step of wdsr in fp32', 'train',
         ['--model=wdsr', '--batch_size=4', '--input_patch_size=24', '--precision=fp32']),
    Case('a step of a small bsrn in mixed precision', 'train',
         ['--model=bsrn', '--bsrn_recursions=4', '--batch_size=4', '--input_patch_size=24',
          '--precision=mixed']),
    Case('a picture by that bsrn', 'predict', ['--precision=mixed']),
)


def main(arguments):
    cli.refuse_arguments(arguments)
    commit = previous(ROOT)
    if commit is None:
        print('no speed to compare with: git knows no earlier commit here')
        return
    with tempfile.TemporaryDirectory(prefix='regression-') as folder:
        compare(commit, extracted(ROOT, commit, folder), ROOT, folder)


def previous(root):
    """What git calls the previous release, or None where there is no earlier commit."""
    return (_answer(root, 'describe', '--tags', '--abbrev=0', '--match=v*', 'HEAD^')
            or _answer(root, 'rev-parse', '--short', '--verify', 'HEAD^'))


def extracted(root, commit, folder):
    """The folder of all files of a commit."""
    tree = os.path.join(folder, 'previous')
    subprocess.run(['git', 'archive', '--output=%s.tar' % tree, commit], cwd=root, check=True)
    shutil.unpack_archive(tree + '.tar', tree)
    return tree


def compare(name, before, after, folder, cases=CASES, rounds=ROUNDS):
    """Prints for each case how the working tree `after` compares with `before`, called `name`."""
    pictures = os.path.join(folder, 'pictures')
    command_line.write_pictures(pictures, SIDE, PICTURES)
    for case in cases:
        ways = {tree: _measure(case, tree, os.path.join(folder, 'of ' + role), pictures)
                for role, tree in (('before', before), ('after', after))}
        try:
            ways[before]()
        except UserError as error:
            print('%s: nothing to compare with: %s' % (case.name, error), flush=True)
            ways[after]()
            continue
        samples = take_turns(ways, rounds, warm_up=0, seconds=SECONDS)
        print(verdict(case.name, name, samples[before], samples[after]), flush=True)


def verdict(case, name, before, after):
    """One line, and a loud one if it takes longer now by more than what is mostly noise."""
    old, new = statistics.median(before), statistics.median(after)
    line = '%s takes %.2f times as long as in %s: %.4f s, then %.4f s, medians of %d' % (
        case, new / old, name, old, new, len(after))
    return 'SLOWER: ' + line if new / old > ALARMING else line


def _measure(case, tree, run, pictures):
    if case.script == 'train':
        return lambda: command_line.train(sys.executable, tree, run, case.flags, STEPS)
    return lambda: command_line.predict(sys.executable, tree, run, pictures, case.flags)


def _answer(root, *words):
    done = subprocess.run(('git',) + words, cwd=root, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == '__main__':
    cli.run(main, lambda: None, __doc__)

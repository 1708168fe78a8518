"""Runs several of the project's scripts in one process, which loads TensorFlow only once.

usage: several_commands.py train.py --flag=value + predict.py --flag=value

Ends with the code of the first that fails.
"""
import itertools
import os
import runpy
import sys

from absl import flags

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main(words):
    sys.path.insert(0, ROOT)
    for is_separator, command in itertools.groupby(words, lambda word: word == '+'):
        if not is_separator:
            run(list(command))


def run(command):
    for name in list(flags.FLAGS):
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()
    sys.argv = command
    try:
        runpy.run_path(os.path.join(ROOT, command[0]), run_name='__main__')
    except SystemExit as end:
        if end.code:
            raise


if __name__ == '__main__':
    main(sys.argv[1:])

"""Prints stored results as Markdown.

usage: python -m bench.show FOLDER|FILE ...
"""
import os

from bench import markdown, result
from sr_tf import cli
from sr_tf.errors import UsageError


def main(paths):
    if not paths:
        raise UsageError('name the folder or the files that python -m bench wrote')
    for path in paths:
        for measured in result.read_folder(path) if os.path.isdir(path) else [result.read(path)]:
            print('%s\n' % markdown.table(measured))


if __name__ == '__main__':
    cli.run(main, lambda: None, __doc__)

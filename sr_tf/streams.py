"""Words for whoever started a program, which goes on when they no longer listen."""
import os
import sys


def say(text, stream=None):
    """A line, by default on standard output."""
    show(text + '\n', stream or sys.stdout)


def show(text, stream):
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        to_nowhere(stream)


def to_nowhere(stream):
    """What is still to be written to the stream, by us or by the programs that we start."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)

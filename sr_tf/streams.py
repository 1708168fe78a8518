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
        to_nowhere(stream.fileno())


def to_nowhere(number):
    """What is still to be written to the stream, by us or by the programs that we start."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def open_closed_ones():
    """Python has nothing in place of a stream that was closed before it started."""
    for name in ('stdout', 'stderr'):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, 'w'))

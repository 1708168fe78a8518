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


def make_usable():
    """Opens what was closed before Python started, and lets file names through that are no text."""
    for name in ('stdout', 'stderr'):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, 'w'))
        if hasattr(getattr(sys, name), 'reconfigure'):  # a test's own stream has not
            getattr(sys, name).reconfigure(errors='backslashreplace')

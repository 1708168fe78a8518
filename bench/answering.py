"""A process that measures for another: a line of JSON asks, and a line of JSON answers.

Only of what any Python has, because PyTorch's may have nothing else.
"""
import json
import os
import sys


class Questions:
    """The questions on stdin, in turn; what anything else prints goes to stderr."""

    def __init__(self):
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def next(self):
        """What is asked next, a dictionary; ends the process when nobody is left to ask."""
        line = sys.stdin.readline()
        if not line:
            sys.exit()
        return json.loads(line)

    def answer(self, **content):
        self._answers.write(json.dumps(content) + '\n')
        self._answers.flush()


def memory(process='self'):
    """How many bytes of memory a process holds, and the most that it ever held."""
    with open('/proc/%s/status' % process) as file:
        values = dict(line.split(':', 1) for line in file)
    return [int(values[name].split()[0]) << 10 for name in ('VmRSS', 'VmHWM')]

"""Ends a process that makes no progress: a peer that died may leave it waiting for ever."""
import os
import sys
import threading

from sr_tf.streams import say

BEFORE_THE_FIRST = 3  # times as long is waited: another host may still pack its images


class Watchdog:
    """Ends the process when `beat` was not called for so many seconds; 0 watches nothing.

    A thread does it, because a blocked `session.run` lets no Python run in its own.
    """

    def __init__(self, seconds, rank):
        self._seconds = seconds
        self._rank = rank
        self._step = 0
        self._beats = 0
        self._done = threading.Event()

    def __enter__(self):
        if self._seconds:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._done.set()

    def beat(self, step):
        self._step = step
        self._beats += 1

    def _watch(self):
        # By no clock: a machine that slept, or a process that was stopped, was not silent.
        interval = min(1.0, self._seconds / 4)
        silent, heard = 0.0, None
        while not self._done.wait(interval):
            silent, heard = silent + interval if heard == self._beats else 0.0, self._beats
            limit = self._seconds * (1 if heard else BEFORE_THE_FIRST)
            if silent > limit:
                say('rank %d: no step has ended for %g s after step %d; giving up '
                    '(--step_timeout)' % (self._rank, limit, self._step), sys.stderr)
                os._exit(1)

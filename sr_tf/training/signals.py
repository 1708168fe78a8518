"""The wish that a training should end."""
import contextlib
import os
import signal
import stat

from sr_tf.streams import to_nowhere


class Signals:
    """Catches the first that asks to end, so that the step ends and is saved."""

    received = None

    def __enter__(self):
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
            numbers.append(signal.SIGHUP)
        self._previous = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number, _):
        self.received = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)
        if number == signal.SIGHUP:
            _leave_terminal()
        # Past Python's stream, which may be writing, to a reader that Ctrl-C may have ended.
        with contextlib.suppress(OSError):
            os.write(2, b'\n%s: saving, one moment\n' % self.received.name.encode())


def _leave_terminal():
    """It is gone, as may be what we write to through a pipe; to write there would fail."""
    for stream in (1, 2):
        with contextlib.suppress(OSError):  # one may be closed
            if not stat.S_ISREG(os.fstat(stream).st_mode):
                to_nowhere(stream)

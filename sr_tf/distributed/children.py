"""Processes that we start: they are told when we are to end, and do not outlive us."""
import contextlib
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def start(command, **options):
    """A `Popen` of which the terminal's signals reach only us; on Linux it is killed when we die.

    The kernel means the thread that calls this, which must not end before the child.
    """
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=_tied_to_us(), **options)


@contextlib.contextmanager
def signals_received():
    """Within it, what asks us to end does not; the numbers of the signals come into a list."""
    received = []
    numbers = set(ENDING)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        numbers.remove(signal.SIGHUP)  # by nohup
    previous = {number: signal.signal(number, lambda number, _: received.append(number))
                for number in numbers}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def tell(process, number):
    """Passes on a signal that we received; for a terminal that is gone, SIGTERM."""
    process.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)


def exit_code(process):
    """That of a process that has ended, as a shell tells it."""
    return 128 - process.returncode if process.returncode < 0 else process.returncode


def _tied_to_us():
    """What the child calls before it becomes the command."""
    if not sys.platform.startswith('linux'):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie():
        prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(1)  # we ended before the kernel knew

    return tie

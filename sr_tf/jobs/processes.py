"""The scripts that a job runs."""
import contextlib
import signal
import subprocess

POLL_SECONDS = 0.1


def run(command):
    """Runs a command, passes the first SIGTERM or Ctrl-C on to it, and returns its exit code."""
    received = []
    previous = {number: signal.signal(number, lambda number, _: received.append(number))
                for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        # A session of its own: what is sent to the whole group reaches it once, through us.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        told = False
        while process.poll() is None:
            if received and not told:
                process.send_signal(received[0])
                told = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 128 - process.returncode if process.returncode < 0 else process.returncode

"""The scripts that a job runs."""
import contextlib
import subprocess

from sr_tf.distributed import children

POLL_SECONDS = 0.1


def run(command):
    """Runs a command, passes on the first signal that asks us to end, and returns its exit code."""
    with children.signals_received() as received:
        process = children.start(command)
        told = False
        while process.poll() is None:
            if received and not told:
                children.tell(process, received[0])
                told = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
    return children.exit_code(process)

"""A lock between the processes of one machine, which ends with the process that holds it."""
import contextlib

try:
    import fcntl
except ImportError:  # not on Windows, where one process writes over what another wrote
    fcntl = None


@contextlib.contextmanager
def locked(path, otherwise=None):
    """Within it, no other process is; while one is, this one waits, or raises `otherwise`."""
    with open(path, 'w') as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if otherwise else 0))
            except BlockingIOError:
                raise otherwise from None
        yield

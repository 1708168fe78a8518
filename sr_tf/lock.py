"""A lock between the processes of one machine, which ends with the process that holds it."""
import contextlib

try:
    import fcntl
except ImportError:  # not on Windows, where one process writes over what another wrote
    fcntl = None


@contextlib.contextmanager
def locked(path):
    with open(path, 'w') as file:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield

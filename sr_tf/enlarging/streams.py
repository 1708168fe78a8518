"""A picture by way of standard input and output."""
import contextlib
import os
import sys

from sr_tf.data.archives import NamedBytes


def read_standard_input():
    return NamedBytes(sys.stdin.buffer.read(), 'standard input')


@contextlib.contextmanager
def reserved_standard_output():
    """Standard output as a binary file; what others write there meanwhile goes to standard error.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    file = os.fdopen(os.dup(kept), 'wb')
    try:
        yield file
    finally:
        # Whoever writes also flushes, and is told what goes wrong.
        with contextlib.suppress(OSError):
            file.close()
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)

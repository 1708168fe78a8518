"""Files that are whole or absent, whenever a program is stopped."""
import contextlib
import os

from sr_tf.errors import UserError


@contextlib.contextmanager
def whole_or_absent(path):
    """Yields a temporary name to write to, which becomes `path` when the block ends well."""
    temporary = '%s.%d.tmp' % (path, os.getpid())
    try:
        os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError('%s: cannot be written: %s' % (path, error.strerror or error)) from error
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)

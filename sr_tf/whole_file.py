"""Files and folders that are whole or absent, whenever a program is stopped."""
import contextlib
import os
import shutil

from sr_tf.errors import UserError


@contextlib.contextmanager
def whole_or_absent(path):
    """Yields a temporary name to write to, which becomes `path` when the block ends well.

    Both may be folders.
    """
    temporary = '%s.%d.tmp' % (path, os.getpid())
    replaced = temporary + '.old'
    try:
        os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
        yield temporary
        if os.path.isdir(temporary) and os.path.isdir(path):
            # A file takes the place of another by itself; a folder does not.
            os.rename(path, replaced)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError('%s: cannot be written: %s' % (path, error.strerror or error)) from error
    finally:
        shutil.rmtree(replaced, ignore_errors=True)
        if os.path.isdir(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
        elif os.path.exists(temporary):
            os.remove(temporary)

"""Files and folders that are whole or absent, whenever a program is stopped."""
import contextlib
import os
import shutil
import uuid
import zlib

from sr_tf.errors import UserError

LONG_NAME = 200  # bytes, of the 255 that file systems allow


@contextlib.contextmanager
def whole_or_absent(path):
    """Yields a temporary name to write to, which becomes `path` when the block ends well.

    Both may be folders.
    """
    temporary = _temporary(path)
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
        if os.path.isdir(replaced) and not os.path.exists(path):
            os.rename(replaced, path)
        shutil.rmtree(replaced, ignore_errors=True)
        if os.path.isdir(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
        elif os.path.exists(temporary):
            os.remove(temporary)


def _temporary(path):
    """Beside the path, in the same file system; of a long name, the start must do."""
    folder, name = os.path.split(path)
    if len(os.fsencode(name)) > LONG_NAME:
        name = '%s-%08x' % (name[:LONG_NAME // 8], zlib.crc32(os.fsencode(name)))
    # Processes of several hosts or containers may have the same number.
    return os.path.join(folder, '%s.%s.tmp' % (name, uuid.uuid4().hex[:8]))

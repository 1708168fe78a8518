"""Where paths lie, whatever links and relative names lead there, and whether they can be used."""
import os

from sr_tf.errors import UserError


def walk(folder, above=frozenset()):
    """Yields each folder and the names of its files; `above` are those that it is in.

    Links are followed, but for those that lead back up, which would never end.
    """
    here = os.path.realpath(folder)
    if here in above:
        return
    _, folders, names = next(os.walk(folder, onerror=refuse_unlisted), (folder, [], []))
    yield folder, sorted(names)
    for name in sorted(folders):
        yield from walk(os.path.join(folder, name), above | {here})


def refuse_unlisted(error):
    """For os.walk, which otherwise leaves out a folder that it cannot list."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise UserError('%s: cannot be read: %s' % (error.filename, error.strerror)) from error


def is_within(path, folder):
    """Whether the path is the folder itself or anything below it."""
    path, folder = (os.path.join(os.path.realpath(place), '') for place in (path, folder))
    return path.startswith(folder)


def is_utf8(path):
    """Whether TensorFlow can name it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_writable(folder, flag):
    """Fails unless files can be made in a folder, which a flag names and which need not exist."""
    while folder and not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if folder and not os.path.isdir(folder):
        raise UserError('%s: is a file, not a folder; give another %s' % (folder, flag))
    if not os.access(folder or '.', os.W_OK):
        raise UserError('%s: cannot be written to; give another %s' % (folder or '.', flag))

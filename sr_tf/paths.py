"""Where paths lie, whatever links and relative names lead there."""
import os


def walk(folder, above=frozenset()):
    """Yields each folder and the names of its files; `above` are those that it is in.

    Links are followed, but for those that lead back up, which would never end.
    """
    here = os.path.realpath(folder)
    if here in above:
        return
    _, folders, names = next(os.walk(folder), (folder, [], []))
    yield folder, sorted(names)
    for name in sorted(folders):
        yield from walk(os.path.join(folder, name), above | {here})


def is_within(path, folder):
    """Whether the path is the folder itself or anything below it."""
    path, folder = (os.path.join(os.path.realpath(place), '') for place in (path, folder))
    return path.startswith(folder)

"""Where paths lie, whatever links and relative names lead there."""
import os


def is_within(path, folder):
    """Whether the path is the folder itself or anything below it."""
    path, folder = (os.path.join(os.path.realpath(place), '') for place in (path, folder))
    return path.startswith(folder)

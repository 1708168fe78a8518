"""The raw file of a pack while it is written: an interrupted one is continued."""
import json
import os
from collections import namedtuple

import numpy as np

ALIGNMENT = 64

Plane = namedtuple('Plane', 'offset height width stride')
Plane.__doc__ = "Where a picture's rows are in the pack, in bytes; height and width in pixels."


class GrowingFile:
    """Appends groups of pictures, and notes in a file beside it where each group is.

    groups: the `Plane`s of each group, those from before an interruption among them.
    """

    def __init__(self, path):
        self.path = path
        self.notes_path = path + '.notes'
        self.groups = []

    def __enter__(self):
        self._file = open(self.path, 'ab')
        self._notes = open(self.notes_path, 'a+b')
        self._go_on()
        return self

    def __exit__(self, *_):
        self._file.close()
        self._notes.close()

    @property
    def size(self):
        return _end(self.groups[-1]) if self.groups else 0

    def _go_on(self):
        """Behind the last group that is whole."""
        noted, there = 0, self._file.tell()
        self._notes.seek(0)
        for line in self._notes:
            group = _noted(line)
            if not group or _end(group) > there:
                break
            self.groups.append(group)
            noted += len(line)
        self._notes.truncate(noted)
        self._file.truncate(self.size)
        self._file.seek(self.size)

    def append(self, images):
        self.groups.append([self._appended(image) for image in images])
        # The pictures before the note: one that is noted is there.
        self._file.flush()
        self._notes.write(json.dumps(self.groups[-1]).encode() + b'\n')
        self._notes.flush()

    def remove(self):
        for path in (self.path, self.notes_path):
            if os.path.exists(path):
                os.remove(path)

    def _appended(self, image):
        height, width, channels = image.shape
        stride = -(-width * channels // ALIGNMENT) * ALIGNMENT
        rows = np.zeros((height, stride), np.uint8)
        rows[:, :width * channels] = image.reshape(height, -1)
        offset = self._file.tell()
        self._file.write(rows)
        return Plane(offset, height, width, stride)


def _end(group):
    return group[-1].offset + group[-1].height * group[-1].stride


def _noted(line):
    """The planes of a note; none if it is not whole, as after a power cut."""
    try:
        return [Plane(*plane) for plane in json.loads(line)] if line.endswith(b'\n') else []
    except (TypeError, ValueError):
        return []

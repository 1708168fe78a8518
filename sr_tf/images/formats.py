"""The file formats that pictures are read from and written to, and what each can hold."""
import math
import os
from collections import namedtuple

Format = namedtuple('Format', 'name extensions has_16_bits has_alpha largest_side most_bytes')

FORMATS = {known.name: known for known in (
    Format('png', ('.png',), True, True, 2 ** 31 - 1, math.inf),
    Format('jpg', ('.jpg', '.jpeg'), False, False, 65500, math.inf),
    Format('webp', ('.webp',), False, True, 16383, math.inf),
    Format('tiff', ('.tif', '.tiff'), True, True, 2 ** 31 - 1, math.inf),
    Format('bmp', ('.bmp',), False, False, 2 ** 31 - 1, 2 ** 32),
)}
EXTENSIONS = tuple(extension for known in FORMATS.values() for extension in known.extensions)


def by_file_name(path):
    """The `Format` that the name of a file stands for, or None."""
    extension = os.path.splitext(path)[1].lower()
    return next((known for known in FORMATS.values() if extension in known.extensions), None)

"""TIFF files of 8 and 16 bits a channel, which Pillow writes only of 8.

The EXIF block comes first, so that its parts stay where they say they are; the directory comes
last, and has what the block's first one has that describes the photograph.
"""
import struct
import zlib

from sr_tf.images import tiff_tags as tags
from sr_tf.images.exif import Directory
from sr_tf.images.picture import Unusable

EMPTY_BLOCK = struct.pack('<4sIHI', b'II*\0', 8, 0, 0)
ROWS_AT_ONCE = 64
LARGEST = 2 ** 32 - 1
SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7
CODES = {SHORT: 'H', LONG: 'I', RATIONAL: 'I', UNDEFINED: 'B'}


def write(file, samples, icc=None, exif=None, dpi=None):
    """Writes `[H, W, C]` samples, uint8 or uint16, to a file that is open and empty."""
    block = Directory(exif or EMPTY_BLOCK)
    file.write(block.data)
    strips = list(_write_strips(file, samples, block.order))
    height, width, channels = samples.shape
    values = {
        tags.WIDTH: (LONG, [width]),
        tags.HEIGHT: (LONG, [height]),
        tags.BITS: (SHORT, [8 * samples.itemsize] * channels),
        tags.COMPRESSION: (SHORT, [tags.DEFLATE]),
        tags.PHOTOMETRIC: (SHORT, [tags.BLACK_IS_ZERO if channels < 3 else tags.RGB]),
        tags.STRIP_OFFSETS: (LONG, [offset for offset, _ in strips]),
        tags.SAMPLES: (SHORT, [channels]),
        tags.ROWS_IN_STRIP: (LONG, [ROWS_AT_ONCE]),
        tags.STRIP_SIZES: (LONG, [size for _, size in strips]),
        tags.PREDICTOR: (SHORT, [tags.DIFFERENCES]),
    }
    if channels in (2, 4):
        values[tags.EXTRA_SAMPLES] = SHORT, [tags.PLAIN_ALPHA]
    if icc:
        values[tags.ICC] = UNDEFINED, list(icc)
    if dpi:
        values[tags.RESOLUTION_UNIT] = SHORT, [tags.INCH]
        for tag, value in zip((tags.X_RESOLUTION, tags.Y_RESOLUTION), dpi):
            values[tag] = RATIONAL, [int(round(value * 10000)), 10000]
    _write_directory(file, block, values)


def _write_strips(file, samples, order):
    """Yields the place and the size of each."""
    for top in range(0, len(samples), ROWS_AT_ONCE):
        rows = samples[top:top + ROWS_AT_ONCE]
        differences = rows.copy()
        differences[:, 1:] -= rows[:, :-1]
        data = zlib.compress(differences.astype('%su%d' % (order, samples.itemsize)).tobytes())
        offset = _at_even_place(file)
        if offset + len(data) > LARGEST:
            raise Unusable('is larger than the 4 GB that a TIFF file may have; use --format=png')
        file.write(data)
        yield offset, len(data)


def _write_directory(file, block, values):
    entries = {entry.tag: entry.raw() for entry in block.entries()
               if entry.tag in tags.DESCRIPTIVE}
    for tag, (kind, numbers) in values.items():
        data = struct.pack('%s%d%s' % (block.order, len(numbers), CODES[kind]), *numbers)
        if len(data) > 4:
            offset = _at_even_place(file)
            file.write(data)
            data = struct.pack(block.order + 'I', offset)
        count = len(numbers) // (2 if kind == RATIONAL else 1)
        entries[tag] = struct.pack(block.order + 'HHI', tag, kind, count) + data.ljust(4, b'\0')
    offset = _at_even_place(file)
    file.write(struct.pack(block.order + 'H', len(entries)))
    file.write(b''.join(entries[tag] for tag in sorted(entries)) + bytes(4))
    file.seek(4)
    file.write(struct.pack(block.order + 'I', offset))


def _at_even_place(file):
    offset = file.tell()
    if offset % 2:
        file.write(b'\0')
    return offset + offset % 2

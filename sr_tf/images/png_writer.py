"""PNG files of 8 and 16 bits a channel, which Pillow writes only of 8."""
import struct
import zlib

import numpy as np

SIGNATURE = b'\x89PNG\r\n\x1a\n'
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by the number of samples of a pixel
PAETH = 4
ROWS_AT_ONCE = 64
INCHES_A_METRE = 1 / 0.0254


def write(file, samples, icc=None, exif=None, dpi=None):
    """Writes `[H, W, C]` samples, uint8 or uint16, to a file that is open."""
    height, width, channels = samples.shape
    file.write(SIGNATURE)
    _write_chunk(file, b'IHDR', struct.pack(
        '>IIBBBBB', width, height, 8 * samples.itemsize, COLOUR_TYPES[channels], 0, 0, 0))
    if icc:
        _write_chunk(file, b'iCCP', b'ICC Profile\0\0' + zlib.compress(icc))
    if dpi:
        metre = [int(round(value * INCHES_A_METRE)) for value in dpi]
        _write_chunk(file, b'pHYs', struct.pack('>IIB', metre[0], metre[1], 1))
    if exif:
        _write_chunk(file, b'eXIf', exif)
    compressor = zlib.compressobj()
    for rows in _filtered(samples):
        _write_chunk(file, b'IDAT', compressor.compress(rows))
    _write_chunk(file, b'IDAT', compressor.flush())
    _write_chunk(file, b'IEND', b'')


def _write_chunk(file, name, data):
    file.write(struct.pack('>I', len(data)) + name)
    file.write(data)
    file.write(struct.pack('>I', zlib.crc32(data, zlib.crc32(name))))


def _filtered(samples):
    """The rows in the order of the file, some at a time: as bytes, minus what Paeth predicts."""
    pixel = samples.shape[2] * samples.itemsize
    above = None
    for top in range(0, len(samples), ROWS_AT_ONCE):
        rows = samples[top:top + ROWS_AT_ONCE].astype('>u%d' % samples.itemsize)
        rows = rows.view(np.uint8).reshape(len(rows), -1)
        # A row above and a pixel to the left of zeros.
        padded = np.zeros((len(rows) + 1, pixel + rows.shape[1]), np.int16)
        padded[1:, pixel:] = rows
        padded[0] = 0 if above is None else above
        above = padded[-1]
        filtered = np.full((len(rows), 1 + rows.shape[1]), PAETH, np.uint8)
        filtered[:, 1:] = rows - _paeth(padded[1:, :-pixel], padded[:-1, pixel:],
                                        padded[:-1, :-pixel])
        yield filtered.tobytes()


def _paeth(left, up, diagonal):
    """Of three neighbours the one nearest to left + up - diagonal."""
    from_left, from_up = np.abs(up - diagonal), np.abs(left - diagonal)
    from_diagonal = np.abs(left + up - 2 * diagonal)
    return np.where((from_left <= from_up) & (from_left <= from_diagonal), left,
                    np.where(from_up <= from_diagonal, up, diagonal)).astype(np.uint8)

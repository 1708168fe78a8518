"""EXIF blocks, changed where they stand.

A block is a small TIFF file whose parts point at each other by their places, among them what only
a camera's maker understands. So what a picture has outgrown is overwritten, and nothing moves.
"""
import struct

from sr_tf.images import tiff_tags as tags
from sr_tf.images.picture import is_turned_sideways

PREFIX = b'Exif\0\0'
MAGICS = {b'II*\0': '<', b'MM\0*': '>'}
WIDTH_OF_PHOTO, HEIGHT_OF_PHOTO = 0xA002, 0xA003
THUMBNAIL, THUMBNAIL_LENGTH = 0x201, 0x202
SHORT, LONG = 3, 4
HEADER_SIZE, ENTRY_SIZE = 8, 12


def sound_block(data):
    """The block in what a file has as its EXIF data; None if that is none, or damaged."""
    block = data[len(PREFIX):] if data and data.startswith(PREFIX) else data
    try:
        return block if block and Directory(block).entries() else None
    except (KeyError, struct.error):
        return None


def read_orientation(block):
    """1 to 8, as EXIF numbers the flips and turns that make the picture upright."""
    return _orientation(Directory(block))


def upright(block):
    """The block for the picture after it was turned as the block says."""
    return _changed(block, _turn)


def resized(block, width, height):
    """The block for the picture in a new size; a thumbnail of it is blanked."""
    def change(first):
        for directory in [first] + first.below(tags.EXIF):
            for entry in directory.entries():
                if entry.tag in (tags.WIDTH, WIDTH_OF_PHOTO):
                    entry.write(LONG, width)
                elif entry.tag in (tags.HEIGHT, HEIGHT_OF_PHOTO):
                    entry.write(LONG, height)
        _blank_thumbnail(first)

    return _changed(block, change)


class Directory:
    """A list of entries in a block; the first one if no offset is given."""

    def __init__(self, data, offset=None):
        self.data = data
        self.order = MAGICS[bytes(data[:4])]
        self._offset = self.unpack('I', 4) if offset is None else offset

    def entries(self):
        return [Entry(self, at) for at in range(self._offset + 2, self._end(), ENTRY_SIZE)]

    def below(self, tag):
        """The directories, none or one, that the entry with this tag points at."""
        return [Directory(self.data, entry.number) for entry in self.entries() if entry.tag == tag]

    def next(self):
        """The directory that follows, in a list of none or one."""
        offset = self.unpack('I', self._end())
        return [Directory(self.data, offset)] if offset else []

    def forget_next(self):
        self.pack('I', self._end(), 0)

    def unpack(self, code, at):
        return struct.unpack_from(self.order + code, self.data, at)[0]

    def pack(self, codes, at, *values):
        struct.pack_into(self.order + codes, self.data, at, *values)

    def _end(self):
        return self._offset + 2 + ENTRY_SIZE * self.unpack('H', self._offset)


class Entry:
    def __init__(self, directory, at):
        self._directory = directory
        self._at = at
        self.tag = directory.unpack('H', at)
        self.kind = directory.unpack('H', at + 2)
        self.number = directory.unpack('H' if self.kind == SHORT else 'I', at + 8)

    def raw(self):
        return bytes(self._directory.data[self._at:self._at + ENTRY_SIZE])

    def exchange(self, other):
        """Gives each the other's value, wherever that is."""
        ours, theirs = (entry.raw()[2:] for entry in (self, other))
        for entry, value in ((self, theirs), (other, ours)):
            entry._directory.data[entry._at + 2:entry._at + ENTRY_SIZE] = value

    def write(self, kind, number):
        code = {SHORT: 'H2x', LONG: 'I'}[kind]
        self._directory.pack('HI' + code, self._at + 2, kind, 1, number)


def _changed(block, change):
    """The block after `change(its first directory)`; as it was if it is damaged."""
    data = bytearray(block)
    try:
        change(Directory(data))
    except struct.error:
        return block
    return bytes(data)


def _orientation(first):
    found = {entry.tag: entry.number for entry in first.entries()}.get(tags.ORIENTATION)
    return found if found in range(1, 9) else 1


def _turn(first):
    found = {entry.tag: entry for entry in first.entries()}
    resolution = [found[tag] for tag in (tags.X_RESOLUTION, tags.Y_RESOLUTION) if tag in found]
    if is_turned_sideways(_orientation(first)) and len(resolution) == 2:
        resolution[0].exchange(resolution[1])
    for entry in first.entries():
        if entry.tag == tags.ORIENTATION:
            entry.write(SHORT, 1)


def _blank_thumbnail(first):
    for directory in first.next():
        found = {entry.tag: entry.number for entry in directory.entries()}
        start, length = found.get(THUMBNAIL, 0), found.get(THUMBNAIL_LENGTH, 0)
        if HEADER_SIZE <= start <= start + length <= len(first.data):
            first.data[start:start + length] = bytes(length)
    first.forget_next()

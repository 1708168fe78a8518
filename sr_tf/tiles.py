"""How a picture is cut into windows that overlap, so that their results can be put together."""
import math
from collections import namedtuple

LEAST_KEPT = 16
LEAST_SIDE = 128

Span = namedtuple('Span', 'start stop first last')
Span.__doc__ = """Along one side of a picture: what a window reads, start:stop, and of that what is
kept of its result, first:last."""


class Window(namedtuple('Window', 'rows columns')):
    """The spans of a window along the height and the width, and the slices that they stand for."""

    def source(self):
        """Of the picture: what the window reads."""
        return tuple(slice(span.start, span.stop) for span in self)

    def kept(self, scale):
        """Of the window's result, enlarged by the scale: what is kept."""
        return tuple(slice((span.first - span.start) * scale, (span.last - span.start) * scale)
                     for span in self)

    def place(self, scale):
        """Of the enlarged picture: where that belongs."""
        return tuple(slice(span.first * scale, span.last * scale) for span in self)


def windows(height, width, largest, overlap):
    """Windows of one shape, at most `largest` = (rows, columns), whose kept parts are the picture.

    What is kept lies `overlap` pixels inside of its window, except where the picture itself ends.
    """
    return [Window(rows, columns) for rows in _spans(height, largest[0], overlap)
            for columns in _spans(width, largest[1], overlap)]


def largest_window(height, width, pixels, overlap):
    """The shape of the windows that have so many pixels, or the fewest from which some are kept."""
    if height * width <= pixels:
        return height, width
    side = max(int(math.sqrt(pixels)), least_side(overlap))
    if height <= side:
        return height, max(side, pixels // height)
    if width <= side:
        return max(side, pixels // width), width
    return side, side


def bucket(height, width):
    """The shape to which pictures of this and of similar shapes are padded.

    Sides are powers of two from `LEAST_SIDE` on, the longer at most twice the shorter.  So up to
    8 * `LEAST_SIDE` there are ten shapes, as many as the NPU's plug-in keeps compiled graphs of.
    """
    height, width = (max(LEAST_SIDE, 1 << (side - 1).bit_length()) for side in (height, width))
    return max(height, width // 2), max(width, height // 2)


def least_side(overlap):
    """Of windows from which something is kept."""
    return 2 * overlap + LEAST_KEPT


def _spans(length, largest, overlap):
    if length <= largest:
        return [Span(0, length, 0, length)]
    kept = largest - 2 * overlap
    # The two at the ends keep one overlap more.
    number = -(-(length - 2 * overlap) // kept)
    # As small as so many windows may be, for equal work and the least of it.
    kept = -(-(length - 2 * overlap) // number)
    size = kept + 2 * overlap
    spans = []
    for index in range(number):
        start = min(index * kept, length - size)
        first = spans[-1].last if spans else 0
        last = length if index == number - 1 else start + size - overlap
        spans.append(Span(start, start + size, first, last))
    return spans

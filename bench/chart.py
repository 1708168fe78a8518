"""Draws what tables measured as one picture: how many times better ours is than each other program.

usage: python -m bench.chart FOLDER CHART.png

FOLDER holds the JSON files that `python -m bench` wrote.
"""
import math
from collections import namedtuple

from bench import drawing, result
from bench.drawing import BLUE, INK, LINE, MARGIN, WIDTH, font
from sr_tf import cli
from sr_tf.errors import UsageError, UserError

BAR = 18
LABELS, NUMBERS = 380, 90  # the width of what stands left and right of the bars
LEAST_RANGE = 2.0  # of the ratios, on both sides of 1
BETTER, WORSE = BLUE, '#c05621'

Bar = namedtuple('Bar', 'label ratio')


def main(arguments):
    if len(arguments) != 2:
        raise UsageError('name the folder of the results, and the picture to draw')
    folder, path = arguments
    if not write(path, result.read_folder(folder)):
        raise UserError('%s: no result there compares anything' % folder)


def write(path, measured):
    """Writes the chart of `Result`s to a PNG file; returns whether there was anything to draw."""
    groups = [(group, drawn) for group in measured for drawn in [bars(group)] if drawn]
    if groups:
        drawing.save(draw(groups), path)
    return bool(groups)


def bars(measured):
    """A `Bar` for each subject and each other program, by the best way in which that does it.

    A program is the first word of a way's name.
    """
    found = []
    ours = measured.against[0]
    for (subject, unit), ways in result.subjects(measured.rows).items():
        best = {}
        for way, row in ways.items():
            program = way.split()[0]
            if ours in ways and program != ours.split()[0]:
                ratio = result.ratio(row, ways[ours])
                best[program] = min(best.get(program, (math.inf, '')), (ratio or math.inf, way))
        found += [Bar('%s (%s), %s' % (subject, unit, way), ratio)
                  for ratio, way in best.values() if ratio < math.inf]
    return found


def draw(groups):
    """The picture of pairs of a `Result` and its bars."""
    lines = sum(len(drawn) + 3 for _, drawn in groups)
    picture, canvas = drawing.blank(2 * MARGIN + LINE * lines)
    place = _axis([bar.ratio for _, drawn in groups for bar in drawn])
    top = MARGIN
    for measured, drawn in groups:
        drawing.heading(canvas, top, measured.title,
                        '%s is better, by this factor, than' % measured.against[0])
        top += 2 * LINE
        for bar in drawn:
            _draw_bar(canvas, bar, top, place)
            top += LINE
        canvas.line([place(1), top - LINE * len(drawn), place(1), top], INK, 2)
        top += LINE
    drawing.last_line(canvas, top, 'Medians; the bars are logarithmic.', groups[0][0])
    return picture


def _draw_bar(canvas, bar, top, place):
    left, right = sorted((place(1), place(bar.ratio)))
    canvas.text((MARGIN, top), _fitting(canvas, bar.label, LABELS - 10), INK, font(15))
    canvas.rectangle([left, top, right, top + BAR], BETTER if bar.ratio >= 1 else WORSE)
    canvas.text((max(right, place(1)) + 8, top), '%.2f' % bar.ratio, INK, font(15))


def _axis(ratios):
    """A function from a ratio to where it is drawn, from left to right."""
    low = math.log(min([1 / LEAST_RANGE] + ratios))
    high = math.log(max([LEAST_RANGE] + ratios))
    start, stop = MARGIN + LABELS, WIDTH - MARGIN - NUMBERS
    return lambda ratio: start + (stop - start) * (math.log(ratio) - low) / (high - low)


def _fitting(canvas, text, width):
    while canvas.textlength(text, font(15)) > width:
        text = text[:-2].rstrip('.') + '.'
    return text


if __name__ == '__main__':
    cli.run(main, lambda: None, __doc__)

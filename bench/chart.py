"""Draws what tables measured as one picture: how many times better ours is than each other program.

usage: python -m bench.chart FOLDER CHART.png

FOLDER holds the JSON files that `python -m bench` wrote.
"""
import math
from collections import namedtuple

from PIL import Image, ImageDraw, ImageFont

from bench import result
from sr_tf import cli
from sr_tf.errors import UsageError, UserError
from sr_tf.whole_file import whole_or_absent

WIDTH, MARGIN, LINE, BAR = 1200, 24, 28, 18
LABELS, NUMBERS = 380, 90  # the width of what stands left and right of the bars
LEAST_RANGE = 2.0  # of the ratios, on both sides of 1
INK, GROUND = '#1f2430', '#ffffff'
BETTER, WORSE = '#2b6cb0', '#c05621'

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
        picture = draw(groups)
        with whole_or_absent(path) as temporary:
            picture.save(temporary, 'png', optimize=True)
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
    picture = Image.new('RGB', (WIDTH, 2 * MARGIN + LINE * lines), GROUND)
    canvas = ImageDraw.Draw(picture)
    place = _axis([bar.ratio for _, drawn in groups for bar in drawn])
    top = MARGIN
    for measured, drawn in groups:
        canvas.text((MARGIN, top), measured.title, INK, _font(19))
        words = '%s is better, by this factor, than' % measured.against[0]
        canvas.text((MARGIN, top + LINE), words, INK, _font(14))
        top += 2 * LINE
        for bar in drawn:
            _draw_bar(canvas, bar, top, place)
            top += LINE
        canvas.line([place(1), top - LINE * len(drawn), place(1), top], INK, 2)
        top += LINE
    first = groups[0][0]
    canvas.text((MARGIN, top), 'Medians; the bars are logarithmic. %s, %d cores, %s.' % (
        first.machine['cpu'], first.machine['cores'], first.date), INK, _font(14))
    return picture


def _draw_bar(canvas, bar, top, place):
    left, right = sorted((place(1), place(bar.ratio)))
    canvas.text((MARGIN, top), _fitting(canvas, bar.label, LABELS - 10), INK, _font(15))
    canvas.rectangle([left, top, right, top + BAR], BETTER if bar.ratio >= 1 else WORSE)
    canvas.text((max(right, place(1)) + 8, top), '%.2f' % bar.ratio, INK, _font(15))


def _axis(ratios):
    """A function from a ratio to where it is drawn, from left to right."""
    low = math.log(min([1 / LEAST_RANGE] + ratios))
    high = math.log(max([LEAST_RANGE] + ratios))
    start, stop = MARGIN + LABELS, WIDTH - MARGIN - NUMBERS
    return lambda ratio: start + (stop - start) * (math.log(ratio) - low) / (high - low)


def _fitting(canvas, text, width):
    while canvas.textlength(text, _font(15)) > width:
        text = text[:-2].rstrip('.') + '.'
    return text


def _font(size):
    try:
        return ImageFont.load_default(size)
    except TypeError:  # Before Pillow 10.1 it has one size.
        return ImageFont.load_default()


if __name__ == '__main__':
    cli.run(main, lambda: None, __doc__)

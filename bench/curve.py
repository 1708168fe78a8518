"""Draws all samples of a table, in the order in which they were measured, as curves above 0.

usage: python -m bench.curve RESULT.json CURVE.png

RESULT.json is what `python -m bench steady` wrote.
"""
import statistics

from bench import drawing, markdown, result
from bench.drawing import BLUE, INK, LINE, MARGIN, WIDTH, font
from sr_tf import cli
from sr_tf.errors import UsageError

HEIGHT = 200  # of a curve
NUMBERS = 90  # the width of what stands left of it
REACH = 3  # times the median: else what another program slowed once would flatten all the rest
PALE = '#c8ccd4'


def main(arguments):
    if len(arguments) != 2:
        raise UsageError('name the file of a result, and the picture to draw')
    path, picture = arguments
    drawing.save(draw(result.read(path)), picture)


def draw(measured):
    """The picture of a `Result`: a curve for each subject and unit, along all of its ways."""
    curves = result.subjects(measured.rows)
    picture, canvas = drawing.blank(2 * MARGIN + 3 * LINE + len(curves) * (HEIGHT + 3 * LINE))
    drawing.heading(canvas, MARGIN, measured.title, ', '.join(
        '%s %s' % pair for pair in measured.rows[0].settings.items()))
    top = MARGIN + 2 * LINE
    for (subject, unit), ways in curves.items():
        canvas.text((MARGIN, top), '%s (%s)' % (subject, unit), INK, font(15))
        _draw_curve(canvas, top + LINE, list(ways.values()))
        top += HEIGHT + 3 * LINE
    drawing.last_line(canvas, top, 'All that was measured, in turn; what is above %d times the '
                      'median is cut off.' % REACH, measured)
    return picture


def _draw_curve(canvas, top, rows):
    samples = [sample for row in rows for sample in row.samples]
    highest = min(max(samples), REACH * statistics.median(samples))
    left, right, bottom = MARGIN + NUMBERS, WIDTH - MARGIN, top + HEIGHT

    def across(place):
        return left + (right - left) * place / len(samples)

    for height, number in ((top, highest), (bottom, 0)):
        canvas.line([left, height, right, height], PALE)
        canvas.text((MARGIN, height - 10), markdown.number(number), INK, font(15))
    place = 0
    for row in rows:
        canvas.line([across(place), top, across(place), bottom], PALE)
        canvas.text((across(place), bottom + 4), row.way, INK, font(14))
        place += len(row.samples)
    canvas.line([(across(place + 0.5), bottom - HEIGHT * min(1, sample / highest))
                 for place, sample in enumerate(samples)], BLUE, 2)


if __name__ == '__main__':
    cli.run(main, lambda: None, __doc__)

"""What all pictures of results share: their width, colours, letters, headings and last line."""
from PIL import Image, ImageDraw, ImageFont

from bench import machine
from sr_tf.whole_file import whole_or_absent

WIDTH, MARGIN, LINE = 1200, 24, 28
INK, GROUND, BLUE = '#1f2430', '#ffffff', '#2b6cb0'


def blank(height):
    """An empty picture, and what draws on it."""
    picture = Image.new('RGB', (WIDTH, height), GROUND)
    return picture, ImageDraw.Draw(picture)


def heading(canvas, top, title, words):
    """Writes two lines."""
    canvas.text((MARGIN, top), title, INK, font(19))
    canvas.text((MARGIN, top + LINE), words, INK, font(14))


def last_line(canvas, top, words, measured):
    """Words on how it is drawn, and where and when the `Result` was measured."""
    canvas.text((MARGIN, top), '%s %s, %s.' % (
        words, machine.in_words(measured.machine), measured.date), INK, font(14))


def font(size):
    try:
        return ImageFont.load_default(size)
    except TypeError:  # Before Pillow 10.1 it has one size.
        return ImageFont.load_default()


def save(picture, path):
    with whole_or_absent(path) as temporary:
        picture.save(temporary, 'png', optimize=True)

"""How a report writes names and numbers in HTML."""
import html
import math

DIGITS = {'psnr': 2, 'ssim': 4, 'ms_ssim': 4}
PAIR = ('psnr', 'ssim')


def escaped(name):
    return html.escape(name)


def label(result):
    """The set and the scale of an entry of metrics.json."""
    return f'{html.escape(result["dataset"])} <span class="scale">×{result["scale"]}</span>'


def link_key(result, image):
    """What a picture and its row in a table have in common."""
    return html.escape(f'{result["dataset"]} {result["scale"]} {image["name"]}')


def number(value, digits):
    if value is None:
        return ''
    return '∞' if value == math.inf else f'{value:.{digits}f}'


def texts(scores):
    """Of PSNR and SSIM."""
    return [number(scores[measure], DIGITS[measure]) for measure in PAIR]


def gain(scored, measure, over=None):
    """By how much an entry is better than its bicubic, or than other scores; None if unknown."""
    own, other = scored[measure], (over or scored['bicubic'])[measure]
    if other is None:
        return None
    return own - other if own != other else 0.0


def gain_text(value, digits):
    if value is None:
        return ''
    if abs(value) < 0.5 * 10 ** -digits:
        return f'<span class="same">{number(0.0, digits)}</span>'
    if value > 0:
        return f'<span class="up">+{number(value, digits)}</span>'
    return f'<span class="down">−{number(-value, digits)}</span>'


def gain_texts(scored, over=None):
    """Of PSNR and SSIM."""
    return [gain_text(gain(scored, measure, over), DIGITS[measure]) for measure in PAIR]


def pair_cell(upper_and_lower):
    upper, lower = upper_and_lower
    return f'<td><span class="pair"><b>{upper}</b><span>{lower}</span></span></td>'


def sortable_cell(value, text):
    script_number = str(float(value)).replace('inf', 'Infinity')
    return f'<td data-value="{script_number}">{text}</td>'


def heads(*columns):
    return ''.join(f'<th scope="col">{column}</th>' for column in columns)

"""What a report draws: SVG line charts, error maps, and pictures as data: URIs."""
import base64
import io

import numpy as np
from PIL import Image

ERROR_LIMIT = 64
JPEG_ABOVE_PIXELS = 300000

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 12, 46
DRAWN_POINTS = 2000
DOTS_UP_TO = 40
LOG_ABOVE_RATIO = 20


def data_uri(pixels, palette=None):
    """A uint8 picture [H, W, 3], or [H, W] of greys or of indices into a palette [N, 3].

    PNG, except that a photograph too large for that becomes a JPEG.
    """
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    lossy = palette is None and image.width * image.height > JPEG_ABOVE_PIXELS
    # Pillow cannot optimize the JPEG of a picture that is all noise.
    kind, options = (('jpeg', {'quality': 90, 'subsampling': 0}) if lossy
                     else ('png', {'optimize': True}))
    encoded = io.BytesIO()
    image.save(encoded, kind, **options)
    return f'data:image/{kind};base64,{base64.b64encode(encoded.getvalue()).decode("ascii")}'


def error_map(picture, truth):
    """|picture - truth|, the mean of the channels, as indices into `error_ramp()`."""
    error = np.abs(channels(picture) - channels(truth)).mean(axis=-1)
    return np.rint(error).clip(0, ERROR_LIMIT).astype(np.uint8)


def error_ramp():
    """The RGB colours of the errors 0 to ERROR_LIMIT: near black, violet, orange, pale yellow.

    Lightness rises evenly in OKLab, so that equal steps of the error look equally large.
    """
    position = np.linspace(0.0, 1.0, ERROR_LIMIT + 1)
    lightness = 0.12 + 0.85 * position
    chroma = 0.2 * np.sin(np.pi * position) ** 0.8
    hue = np.deg2rad(285.0 + 180.0 * position)
    oklab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    cones = oklab @ np.array([
        [1.0, 1.0, 1.0],
        [0.3963377774, -0.1055613458, -0.0894841775],
        [0.2158037573, -0.0638541728, -1.2914855480],
    ])
    linear = np.clip(cones ** 3 @ np.array([
        [4.0767416621, -1.2684380046, -0.0041960863],
        [-3.3077115913, 2.6097574011, -0.7034186147],
        [0.2309699292, -0.3413193965, 1.7076147010],
    ]), 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255.0 * srgb).astype(np.uint8)


def busiest_window(values, scale, side=48):
    """(top, left, height, width) where an array [H, W] has the largest sum.

    All four are multiples of the scale, so that the LR picture has exactly the same window.
    """
    height, width = (min(side, size) // scale * scale for size in values.shape)
    integral = np.zeros([size + 1 for size in values.shape])
    integral[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    totals = (integral[height:, width:] - integral[:-height, width:]
              - integral[height:, :-width] + integral[:-height, :-width])[::scale, ::scale]
    row, column = np.unravel_index(totals.argmax(), totals.shape)
    return int(row) * scale, int(column) * scale, height, width


def finite_points(points):
    """The (step, value) pairs without NaN and infinity, by rising step: a float array [N, 2]."""
    points = np.asarray(list(points), dtype=np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    return points[np.argsort(points[:, 0], kind='stable')]


def line_chart(points, x_label):
    """SVG of (step, value) pairs; a long series is drawn faintly, with its moving average on top.

    Values that span orders of magnitude get a logarithmic axis. Empty without finite values.
    """
    steps, values = finite_points(points).T
    if not len(steps):
        return ''
    x_axis = _Axis(steps, LEFT, WIDTH - RIGHT, smallest_tick=1.0)
    y_axis = _Axis(values, HEIGHT - BOTTOM, TOP, margin=0.04, may_be_log=True)

    def line(kind, xs, ys):
        places = zip(x_axis.place(xs), y_axis.place(ys))
        corners = ' '.join(f'{x:.1f},{y:.1f}' for x, y in places)
        return f'<polyline class="{kind}" points="{corners}"/>'

    raw, (mean_steps, means) = _thinned(steps, values)
    smooth = _moving_average(means)
    drawn = line('raw' if smooth is not None else 'line', *raw)
    if smooth is not None:
        drawn += line('line', mean_steps, smooth)
    if len(steps) <= DOTS_UP_TO:
        drawn += ''.join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
                         for x, y in zip(x_axis.place(steps), y_axis.place(values)))
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="line chart by {x_label}">'
            f'{_grid(x_axis, y_axis)}{drawn}'
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 4}">{x_label}</text></svg>')


class _Axis:
    """Places values between two pixel positions and knows where its round ticks are."""

    def __init__(self, values, start, stop, margin=0.0, smallest_tick=0.0, may_be_log=False):
        low, high = float(values.min()), float(values.max())
        self._is_log = may_be_log and low > 0 and high / low > LOG_ABOVE_RATIO
        if self._is_log:
            low, high = np.log10([low, high])
        margin = margin * (high - low) or (0 if high > low else abs(low) * 0.05 or 1.0)
        self._range = low - margin, high + margin
        self._pixels = start, stop
        self.ticks = (_decade_ticks(*self._range) if self._is_log
                      else round_ticks(*self._range, smallest_tick))

    def place(self, values):
        return np.interp(np.log10(values) if self._is_log else values, self._range, self._pixels)


def channels(picture):
    """In floating point, with a last axis for the channels."""
    return np.atleast_3d(picture).astype(np.float64)


def round_ticks(low, high, smallest=0.0):
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = max(power * min((1, 2, 5, 10), key=lambda digit: abs(digit * power - rough)), smallest)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _decade_ticks(low, high):
    powers = np.arange(np.floor(low), np.ceil(high) + 1)
    powers = powers[::max(1, len(powers) // 6)]
    digits = (1, 2, 5) if high - low < 2.5 else (1,)
    ticks = np.array([digit * 10.0 ** power for power in powers for digit in digits])
    return ticks[(ticks >= 10 ** low) & (ticks <= 10 ** high)]


def _tick_text(value):
    if 1e6 <= abs(value) < 1e9:
        return f'{value / 1e6:g}M'
    return f'{value / 1e3:g}k' if 1e4 <= abs(value) < 1e6 else f'{value:g}'


def _grid(x_axis, y_axis):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    rules = ''.join(f'<path class="rule" d="M{LEFT} {y:.1f}H{right}"/>'
                    f'<text class="y" x="{LEFT - 8}" y="{y:.1f}">{_tick_text(tick)}</text>'
                    for tick, y in zip(y_axis.ticks, y_axis.place(y_axis.ticks)))
    marks = ''.join(f'<path class="tick" d="M{x:.1f} {bottom}v5"/>'
                    f'<text x="{x:.1f}" y="{bottom + 20}">{_tick_text(tick)}</text>'
                    for tick, x in zip(x_axis.ticks, x_axis.place(x_axis.ticks)))
    return f'{rules}{marks}<path class="tick" d="M{LEFT} {bottom}H{right}"/>'


def _thinned(steps, values):
    """The line to draw, and the means to smooth; of a long series in buckets, as (steps, values).

    The line goes through each bucket's extremes, so that spikes stay visible.
    """
    if len(steps) <= DRAWN_POINTS:
        return (steps, values), (steps, values)
    edges = np.linspace(0, len(steps), DRAWN_POINTS // 2, endpoint=False).astype(int)
    extremes = np.stack([np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)])
    means = np.add.reduceat(values, edges) / np.diff(np.append(edges, len(steps)))
    return (steps[edges].repeat(2), extremes.T.ravel()), (steps[edges], means)


def _moving_average(values):
    """Centred mean over a fortieth of the series, or None where that would change nothing."""
    window = len(values) // 40 | 1
    if window == 1:
        return None
    kernel = np.ones(window)
    return np.convolve(values, kernel, 'same') / np.convolve(np.ones_like(values), kernel, 'same')

"""How many images have which PSNR, as SVG."""
import math

import numpy as np

from sr_tf.report.charts import round_ticks

WIDTH, HEIGHT = 560, 166
BASE, TOP = 116, 8
EDGE = 20
FEWEST = 8
ROUND_WIDTHS = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def psnr_histogram(images):
    """Bars of the images' PSNRs, and the outline of bicubic's; equal pictures are left out.

    Empty for fewer than FEWEST images, which a table shows better.
    """
    own, bicubic = ([scores['psnr'] for scores in side if math.isfinite(scores['psnr'])]
                    for side in (images, [image['bicubic'] for image in images]))
    if len(own) < FEWEST:
        return ''
    edges = bin_edges(own + bicubic)
    counts, others = (np.histogram(values, edges)[0] for values in (own, bicubic))
    xs = np.interp(edges, edges[[0, -1]], [EDGE, WIDTH - EDGE])
    highest = max(counts.max(), others.max())
    tops, outline = (BASE - (BASE - TOP) * heights / highest for heights in (counts, others))
    bars = ''.join(
        f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
        f'height="{BASE - top:.1f}"><title>{low:g} to {high:g} dB: {count} images, '
        f'bicubic {other}</title></rect>'
        for left, right, top, low, high, count, other
        in zip(xs, xs[1:], tops, edges, edges[1:], counts, others))
    path = f'M{xs[0]:.1f} {BASE}' + ''.join(
        f'V{top:.1f}H{right:.1f}' for top, right in zip(outline, xs[1:])) + f'V{BASE}'
    ticks = round_ticks(edges[0], edges[-1])
    marks = ''.join(f'<text x="{x:.1f}" y="{BASE + 18}">{tick:g}</text>'
                    for tick, x in zip(ticks, np.interp(ticks, edges, xs)))
    return (f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="histogram of PSNR">{bars}<path class="outline" d="{path}"/>'
            f'<path class="tick" d="M{EDGE} {BASE}H{WIDTH - EDGE}"/>{marks}'
            f'<text x="{WIDTH / 2:g}" y="{HEIGHT - 4}">PSNR in dB, and bicubic\'s as an outline'
            f'</text></svg>')


def bin_edges(values):
    """Multiples of a round width that hold all values; more bins for more values."""
    low, high = min(values), max(values)
    most = max(5, round(1.5 * math.sqrt(len(values))))
    width = next((width for width in ROUND_WIDTHS
                  if math.floor(high / width) - math.floor(low / width) < most), ROUND_WIDTHS[-1])
    first, last = math.floor(low / width), math.floor(high / width) + 1
    return np.arange(first, last + 1) * width

"""The tables of a report: results, protocols, comparisons, recursions and single images."""
import math

from sr_tf.report import charts
from sr_tf.report.histogram import psnr_histogram
from sr_tf.report.words import (
    DIGITS,
    escaped,
    gain,
    gain_text,
    gain_texts,
    heads,
    label,
    link_key,
    number,
    pair_cell,
    sortable_cell,
    texts,
)
from sr_tf.scoring.results import rows, seconds_per_megapixel

TAGS = (('worst', 'gain', min), ('best', 'gain', max), ('lowest', 'psnr', min))


def results_table(runs):
    """A row for each set of each run; columns that no row would fill are left out."""
    columns = [('PSNR in dB, SSIM', lambda run, result: f'<th scope="row">{label(result)}</th>')]
    if len(runs) > 1:
        columns.append(('Method', lambda run, result: f'<td>{escaped(run["name"])}</td>'))
    columns += [
        ('Network' if len(runs) == 1 else 'Scores', lambda run, result: pair_cell(texts(result))),
        ('Bicubic', lambda run, result: pair_cell(texts(result['bicubic']))),
        ('Gain', lambda run, result: pair_cell(gain_texts(result)))]
    if any('published' in result for run in runs for result in run['results']):
        columns += [('Published', _published), ('Difference', _difference)]
    columns += [('MS-SSIM, bicubic', _ms_ssim), ('Images', _count),
                ('Time, per megapixel', _time)]
    body = ''.join('<tr>' + ''.join(cell(run, result) for _, cell in columns) + '</tr>\n'
                   for run, result in rows(runs))
    return _table('results', heads(*(head for head, _ in columns)), body)


def protocols_table(runs, protocols):
    """The same pictures by every protocol; and what each of those is."""
    if not protocols:
        return ''
    names = list(protocols)
    body = ''
    for run, result in rows(runs):
        scores = dict(result['protocols'], **{names[0]: result})
        method = f' <span class="tag">{escaped(run["name"])}</span>' if len(runs) > 1 else ''
        body += (f'<tr><th scope="row">{label(result)}{method}</th>'
                 + ''.join(pair_cell(texts(scores[name])) for name in names) + '</tr>\n')
    described = ''.join(
        f'<div><dt>{escaped(name)}</dt><dd>{escaped(protocol["origin"])}: '
        f'{escaped(protocol["channel"])}; {escaped(protocol["output"])}; border '
        f'{escaped(protocol["crop"])}; HR {escaped(protocol["truth"])}; LR '
        f'{escaped(protocol["lr"])}; SSIM {escaped(protocol["ssim"])}</dd></div>'
        for name, protocol in protocols.items())
    return (_table('protocols', heads('PSNR, SSIM by', *map(escaped, names)), body)
            + f'<dl class="notes">{described}</dl>')


def comparisons_table(comparisons):
    """Whether each method is better than the first on the same images."""
    body = ''
    for comparison in comparisons:
        measure = comparison['measure']
        body += (
            f'<tr><th scope="row">{label(comparison)}</th><td>{escaped(comparison["name"])}</td>'
            f'<td>{escaped(comparison["against"])}</td><td>{measure.upper()}</td>'
            f'<td>{gain_text(comparison["mean"], DIGITS[measure])}</td>'
            f'<td>{comparison["better"]}</td><td>{comparison["worse"]}</td>'
            f'<td>{_probability(comparison["t_p"])}</td>'
            f'<td>{_probability(comparison["signed_rank_p"])}</td></tr>\n')
    head = heads('Set', 'Method', 'Against', 'Measure', 'Mean difference', 'Better on',
                 'Worse on', 'p of paired t', 'p of signed ranks')
    note = ('<p class="note">p: how probable a difference at least as clear is if neither method '
            'is better; images are the sample.</p>')
    return body and _table('comparisons', head, body) + note


def summary_table(summary):
    body = ''.join(
        f'<tr><th scope="row">{escaped(row["name"])} <span class="scale">×{row["scale"]}</span>'
        f'</th><td>{row["parameters"]:,}</td><td>{row["multiply_adds"] / 1e9:,.1f} G</td>'
        f'<td>{_radius(row["receptive_radius"])}</td>'
        f'<td>{row["seconds_per_megapixel"]:.3g} s</td></tr>\n' for row in summary)
    return body and _table('summary', heads(
        'Network', 'Parameters', 'Multiply-adds for 1280×720', 'Receptive radius',
        'Time per megapixel'), body)


def recursions(results):
    results = [result for result in results if result.get('recursions')]
    numbers = sorted({row['recursion'] for result in results for row in result['recursions']})
    drawn, body = '', ''
    for result in results:
        outputs = {row['recursion']: row for row in result['recursions']}
        best = max(result['recursions'], key=lambda row: row['psnr'])
        drawn += chart(label(result),
                       f'{texts(best)[0]} dB after recursion {best["recursion"]}, the best',
                       [(recursion, row['psnr']) for recursion, row in outputs.items()],
                       'recursion')
        cells = ''.join(pair_cell(texts(outputs[recursion])) if recursion in outputs
                        else '<td></td>' for recursion in numbers)
        body += f'<tr><th scope="row">{label(result)}</th>{cells}</tr>\n'
    return body and f'<div class="charts">{drawn}</div>' + _table(
        'recursions', heads('PSNR, SSIM after recursion', *numbers), body)


def images_table(run, result, several):
    """All images of a set, below a line that names the extremes; one of several methods' if so."""
    images = result['images']
    if not images:
        return ''
    extremes = {tag: choose(images, key=_KEYS[key]) for tag, key, choose in TAGS}
    notes = ''.join(
        f'<span class="note">{tag} {_extreme_text(image, key)} {escaped(image["name"])}</span>'
        for (tag, key, _), image in zip(TAGS, extremes.values()))
    measures = [measure for measure in DIGITS if measure in images[0]]
    columns = ['Image'] + [column for measure in measures
                           for column in (f'{_title(measure)} gain', _title(measure), 'bicubic')]
    buttons = heads(*(f'<button type="button">{column}</button>' for column in columns))
    longest = {measure: _longest_gain(images, measure) for measure in measures}
    body = ''.join(_image_row(result, image, extremes, longest) for image in images)
    method = f' <span class="tag">{escaped(run["name"])}</span>' if several else ''
    return (f'<details><summary><b>{label(result)}{method}</b><span class="note">{len(images)} '
            f'images</span>{notes}</summary>{psnr_histogram(images)}<div class="scroll tall">'
            f'<table class="images"><thead><tr>{buttons}</tr></thead><tbody>{body}</tbody></table>'
            f'</div></details>\n')


def chart(name, note, points, x_label):
    return (f'<figure class="chart"><figcaption><b>{name}</b> {note}</figcaption>'
            f'{charts.line_chart(points, x_label)}</figure>')


_KEYS = {'gain': lambda image: gain(image, 'psnr'), 'psnr': lambda image: image['psnr']}


def _table(kind, head, body):
    return (f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>\n'
            f'<tbody>{body}</tbody></table></div>')


def _published(run, result):
    if 'published' not in result:
        return '<td></td>'
    published = result['published']
    source = escaped(published['source'])
    return pair_cell(texts(published)).replace('<td>', f'<td title="{source}">')


def _difference(run, result):
    if 'published' not in result:
        return '<td></td>'
    return pair_cell(gain_texts(result, result['published']))


def _ms_ssim(run, result):
    if 'ms_ssim' not in result:
        return '<td></td>'
    return pair_cell([number(scores['ms_ssim'], 4) for scores in (result, result['bicubic'])])


def _count(run, result):
    count, infinite = len(result['images']), result.get('infinite')
    return pair_cell((count, f'{infinite} identical' if infinite else ''))


def _time(run, result):
    if not result.get('megapixels'):
        return pair_cell((f'{result["seconds"]:.1f} s', ''))
    return pair_cell((f'{result["seconds"]:.1f} s', f'{seconds_per_megapixel(result):.2f} s'))


def _probability(p):
    if p is None:
        return '–'
    return f'{p:.3f}' if p >= 0.001 else f'{p:.0e}'


def _radius(pixels):
    return 'whole picture' if pixels is None else f'{pixels} pixels'


def _title(measure):
    return measure.upper().replace('_', '-')


def _extreme_text(image, key):
    return gain_texts(image)[0] if key == 'gain' else f'{texts(image)[0]} dB'


def _image_row(result, image, extremes, longest):
    tags = ''.join(f'<span class="tag">{tag}</span>' for tag, one in extremes.items()
                   if one is image)
    name = escaped(image['name'])
    return (f'<tr><th scope="row" data-value="{name}"><span data-key="{link_key(result, image)}">'
            f'{name}</span>{tags}</th>{_image_cells(image, longest)}</tr>\n')


def _image_cells(image, longest):
    cells = ''
    bicubic = image['bicubic']
    for measure, most in longest.items():
        digits = DIGITS[measure]
        gained = gain(image, measure)
        bar = f'<i class="bar" style="width:{3 * min(abs(gained) / most, 1):.2f}em"></i>'
        cells += (sortable_cell(gained, bar + gain_text(gained, digits))
                  + sortable_cell(image[measure], number(image[measure], digits))
                  + sortable_cell(bicubic[measure], number(bicubic[measure], digits)))
    return cells


def _longest_gain(images, measure):
    gains = (abs(gain(image, measure)) for image in images)
    return max(filter(math.isfinite, gains), default=0) or 1

"""Writes what a validation found as one HTML file that opens from disk and loads nothing else."""
import datetime
import os
import string

from sr_tf.report import charts, pictures, tables
from sr_tf.report.words import escaped
from sr_tf.whole_file import whole_or_absent

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'template.html')
EACH_PICTURE = '<!-- each picture -->'


def write_report(path, metrics, shown, curve=None, title=None):
    """Writes scores, training curves and compared pictures to `path`, whole or not at all.

    metrics: what metrics.json holds; of several methods if it has `runs`.
    shown: any iterable, read one at a time, of dicts with dataset, scale, name, the uint8 arrays
        lr, bicubic and hr, and `sr`, which maps the methods to theirs.  All end up inside the file,
        so choose a few.
    curve: {'loss': [(step, value), ...], 'psnr': [...]} of the training.
    """
    with open(TEMPLATE, encoding='utf-8') as template:
        before, article, after = map(string.Template, template.read().split(EACH_PICTURE))
    runs = runs_of(metrics)
    scores = {(run['name'], result['dataset'], result['scale'], image['name']): image
              for run in runs for result in run['results'] for image in result['images']}
    with whole_or_absent(path) as temporary, \
            open(temporary, 'w', encoding='utf-8', errors='backslashreplace') as page:
        page.write(before.substitute(_page(metrics, runs, curve or {}, title)))
        for picture in shown:
            keys = {name: (name, picture['dataset'], picture['scale'], picture['name'])
                    for name in picture['sr']}
            known = {name: scores[key] for name, key in keys.items() if key in scores}
            page.write(article.substitute(pictures.article(picture, known)))
        page.write(after.substitute())


def runs_of(metrics):
    """The methods; a single one is called SR."""
    return metrics.get('runs') or [dict(metrics, name='SR')]


def _page(metrics, runs, curve, title):
    several = len(runs) > 1
    heading = title or (' and '.join(run['name'] for run in runs) if several else metrics['model'])
    return {
        'title': escaped(title or f'{heading} super-resolution report'),
        'heading': escaped(heading),
        'facts': _facts(metrics, runs, title),
        'results': tables.results_table(runs),
        'comparisons': _section('Comparison', tables.comparisons_table(
            metrics.get('comparisons', ()))),
        'protocols': _section('Protocols', tables.protocols_table(
            runs, metrics.get('protocols', {}))),
        'summary': _section('Size and speed', tables.summary_table(metrics.get('summary', ()))),
        'curves': _section('Training', _curves(curve)),
        'recursions': _section('Recursions', tables.recursions(metrics['results'])),
        'images': _section('Images', ''.join(
            tables.images_table(run, result, several) for run in runs
            for result in run['results'])),
        'ramp': ', '.join('#{:02x}{:02x}{:02x}'.format(*colour)
                          for colour in charts.error_ramp()[::4]),
    }


def _section(heading, body):
    return f'<section><h2>{heading}</h2>{body}</section>' if body else ''


def _facts(metrics, runs, title):
    protocol = metrics['protocol']
    crop = protocol['crop']
    facts = [('Model', metrics['model'])] if title and len(runs) == 1 else []
    if len(runs) == 1:
        facts.append(('Checkpoint', _names(metrics['checkpoint'])))
    else:
        facts += [(run['name'], f'{run["model"]}, {_names(run["checkpoint"])}')
                  for run in runs]
    facts += [
        ('Written', datetime.datetime.now().strftime('%Y-%m-%d %H:%M')),
        ('Protocol', protocol['name']),
        ('Measured on', protocol['channel']),
        ('Border left out', 'as wide as the scale' if crop == 'the scale' else str(crop)),
        ('SSIM window', protocol['ssim']),
    ]
    return ''.join(f'<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>'
                   for name, value in facts)


def _names(checkpoints):
    """Of one, or of several with commas between them, without their folders."""
    return ', '.join(map(os.path.basename, checkpoints.split(', ')))


def _curves(curve):
    loss, psnr = (charts.finite_points(curve.get(key, ())) for key in ('loss', 'psnr'))
    drawn = ''
    if len(loss):
        step, value = loss[-1]
        drawn += tables.chart('Loss', f'{value:.4g} at step {step:,.0f}, the last', loss, 'step')
    if len(psnr):
        step, value = psnr[psnr[:, 1].argmax()]
        drawn += tables.chart('PSNR', f'{value:.2f} dB at step {step:,.0f}, the best', psnr,
                              'step')
    return drawn and f'<div class="charts">{drawn}</div>'

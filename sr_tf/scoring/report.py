"""Writes what a validation found as one HTML file that opens from disk and loads nothing else."""
import datetime
import html
import math
import os
import string

from sr_tf.scoring import charts
from sr_tf.whole_file import whole_or_absent

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'report_template.html')
EACH_PICTURE = '<!-- each picture -->'
DIGITS = {'psnr': 2, 'ssim': 4}
IMAGE_COLUMNS = ('Image', 'PSNR gain', 'PSNR', 'bicubic', 'SSIM gain', 'SSIM', 'bicubic')


def write_report(path, metrics, pictures, curve=None, title=None):
    """Writes scores, training curves and compared pictures to `path`, whole or not at all.

    metrics: model, checkpoint, protocol (name, channel, crop, ssim) and results, a list of dicts
        with dataset, scale, psnr, ssim, bicubic, seconds, images and, for models with several
        outputs, recursions.
    pictures: any iterable, read one at a time, of dicts with dataset, scale, name and the uint8
        arrays lr, bicubic, sr and hr. All end up inside the file, so choose a few.
    curve: {'loss': [(step, value), ...], 'psnr': [...]} of the training.
    """
    with open(TEMPLATE, encoding='utf-8') as template:
        before, article, after = map(string.Template, template.read().split(EACH_PICTURE))
    scores = {_key(result, image): image
              for result in metrics['results'] for image in result['images']}
    with whole_or_absent(path) as temporary, \
            open(temporary, 'w', encoding='utf-8', errors='backslashreplace') as page:
        page.write(before.substitute(_page(metrics, curve or {}, title)))
        for picture in pictures:
            score = scores.get(_key(picture, picture))
            page.write(article.substitute(_picture(picture, score)))
        page.write(after.substitute())


def _page(metrics, curve, title):
    results = metrics['results']
    return {
        'title': html.escape(title or f'{metrics["model"]} super-resolution report'),
        'heading': html.escape(title or metrics['model']),
        'facts': _facts(metrics, title),
        'results': ''.join(map(_result_row, results)),
        'curves': _section('Training', _curves(curve)),
        'recursions': _section('Recursions', _recursions(results)),
        'images': _section('Images', ''.join(map(_image_table, results))),
        'ramp': ', '.join('#{:02x}{:02x}{:02x}'.format(*colour)
                          for colour in charts.error_ramp()[::4]),
    }


def _section(heading, body):
    return f'<section><h2>{heading}</h2>{body}</section>' if body else ''


def _facts(metrics, title):
    protocol = metrics['protocol']
    crop = protocol['crop']
    facts = [('Model', metrics['model'])] if title else []
    facts += [
        ('Checkpoint', os.path.basename(metrics['checkpoint'])),
        ('Written', datetime.datetime.now().strftime('%Y-%m-%d %H:%M')),
        ('Protocol', protocol['name']),
        ('Measured on', protocol['channel']),
        ('Border left out', 'as wide as the scale' if crop == 'scale' else str(crop)),
        ('SSIM window', protocol['ssim']),
    ]
    return ''.join(f'<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>'
                   for name, value in facts)


def _result_row(result):
    seconds = f'{result["seconds"]:.1f} s'
    return (f'<tr><th scope="row">{_label(result)}</th>{_pair(_texts(result))}'
            f'{_pair(_texts(result["bicubic"]))}{_pair(_gain_texts(result))}'
            f'{_pair((len(result["images"]), seconds))}</tr>\n')


def _curves(curve):
    loss, psnr = (charts.finite_points(curve.get(key, ())) for key in ('loss', 'psnr'))
    drawn = ''
    if len(loss):
        step, value = loss[-1]
        drawn += _chart('Loss', f'{value:.4g} at step {step:,.0f}, the last', loss, 'step')
    if len(psnr):
        step, value = psnr[psnr[:, 1].argmax()]
        drawn += _chart('PSNR', f'{value:.2f} dB at step {step:,.0f}, the best', psnr, 'step')
    return drawn and f'<div class="charts">{drawn}</div>'


def _recursions(results):
    results = [result for result in results if result.get('recursions')]
    numbers = sorted({row['recursion'] for result in results for row in result['recursions']})
    drawn, rows = '', ''
    for result in results:
        outputs = {row['recursion']: row for row in result['recursions']}
        best = max(result['recursions'], key=lambda row: row['psnr'])
        drawn += _chart(_label(result),
                        f'{_texts(best)[0]} dB after recursion {best["recursion"]}, the best',
                        [(number, row['psnr']) for number, row in outputs.items()], 'recursion')
        cells = ''.join(_pair(_texts(outputs[number])) if number in outputs else '<td></td>'
                        for number in numbers)
        rows += f'<tr><th scope="row">{_label(result)}</th>{cells}</tr>\n'
    heads = ''.join(f'<th scope="col">{number}</th>' for number in numbers)
    return rows and (
        f'<div class="charts">{drawn}</div><div class="scroll"><table class="recursions"><thead>'
        f'<tr><th scope="col">PSNR, SSIM after recursion</th>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div>')


def _chart(name, note, points, x_label):
    return (f'<figure class="chart"><figcaption><b>{name}</b> {note}</figcaption>'
            f'{charts.line_chart(points, x_label)}</figure>')


def _image_table(result):
    images = result['images']
    if not images:
        return ''
    ranked = sorted(images, key=lambda image: _gain(image, 'psnr'))
    extremes = {'worst': ranked[0], 'best': ranked[-1]}
    tags = {image['name']: f'<span class="tag">{tag}</span>' for tag, image in extremes.items()}
    notes = ''.join(
        f'<span class="note">{tag} {_gain_texts(image)[0]} {_escaped_name(image)}</span>'
        for tag, image in extremes.items())
    longest = {metric: _longest_gain(images, metric) for metric in DIGITS}
    heads = ''.join(f'<th scope="col"><button type="button">{column}</button></th>'
                    for column in IMAGE_COLUMNS)
    rows = ''.join(
        f'<tr><th scope="row" data-value="{_escaped_name(image)}"><span data-key='
        f'"{_link_key(result, image)}">{_escaped_name(image)}</span>{tags.get(image["name"], "")}'
        f'</th>{_image_cells(image, longest)}</tr>\n' for image in images)
    return (f'<details><summary><b>{_label(result)}</b><span class="note">{len(images)} images'
            f'</span>{notes}</summary><div class="scroll tall"><table class="images">'
            f'<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>\n')


def _image_cells(image, longest):
    cells = ''
    bicubic = image['bicubic']
    columns = zip(DIGITS, _gain_texts(image), _texts(image), _texts(bicubic))
    for metric, gain_text, text, bicubic_text in columns:
        gain = _gain(image, metric)
        width = 3 * min(abs(gain) / longest[metric], 1)
        bar = f'<i class="bar" style="width:{width:.2f}em"></i>'
        cells += (_cell(gain, bar + gain_text) + _cell(image[metric], text)
                  + _cell(bicubic[metric], bicubic_text))
    return cells


def _longest_gain(images, metric):
    gains = (abs(_gain(image, metric)) for image in images)
    return max(filter(math.isfinite, gains), default=0) or 1


def _picture(picture, score):
    lr, bicubic, sr, hr = (picture[key] for key in ('lr', 'bicubic', 'sr', 'hr'))
    ramp = charts.error_ramp()
    errors = [charts.error_map(shown, hr) for shown in (bicubic, sr)]
    window = charts.most_improved_window(bicubic, sr, hr, picture['scale'])
    lr_window = [side // picture['scale'] for side in window]
    top, left, height, width = window
    rows, columns = hr.shape[:2]
    return {
        'key': _link_key(picture, picture),
        'name': _escaped_name(picture),
        'set': _label(picture),
        'score': _score_line(score) if score else '',
        'width': columns,
        'height': rows,
        'bicubic': charts.data_uri(bicubic),
        'sr': charts.data_uri(sr),
        'bicubic_error': charts.data_uri(errors[0], ramp),
        'sr_error': charts.data_uri(errors[1], ramp),
        'error_limit': charts.ERROR_LIMIT,
        'window': (f'left:{100 * left / columns:.3f}%;top:{100 * top / rows:.3f}%;'
                   f'width:{100 * width / columns:.3f}%;height:{100 * height / rows:.3f}%'),
        'crops': (_crop('LR', lr, lr_window) + _crop('bicubic', bicubic, window)
                  + _crop('SR', sr, window) + _crop('HR', hr, window)
                  + _crop('bicubic error', errors[0], window, ramp)
                  + _crop('SR error', errors[1], window, ramp)),
    }


def _crop(name, pixels, window, palette=None):
    top, left, height, width = window
    pixels = pixels[top:top + height, left:left + width]
    return (f'<figure><img src="{charts.data_uri(pixels, palette)}" width="{width}" '
            f'height="{height}" alt="{name}"><figcaption>{name}</figcaption></figure>')


def _score_line(score):
    (psnr, ssim), (psnr_gain, ssim_gain) = _texts(score), _gain_texts(score)
    return (f'<span>PSNR <b>{psnr}</b> dB {psnr_gain}</span> '
            f'<span>SSIM <b>{ssim}</b> {ssim_gain}</span> <span>gains over bicubic</span>')


def _key(result, image):
    return result['dataset'], result['scale'], image['name']


def _link_key(result, image):
    return html.escape(' '.join(map(str, _key(result, image))))


def _label(result):
    return f'{html.escape(result["dataset"])} <span class="scale">×{result["scale"]}</span>'


def _escaped_name(image):
    return html.escape(image['name'])


def _pair(texts):
    upper, lower = texts
    return f'<td><span class="pair"><b>{upper}</b><span>{lower}</span></span></td>'


def _cell(value, text):
    script_number = str(float(value)).replace('inf', 'Infinity')
    return f'<td data-value="{script_number}">{text}</td>'


def _texts(scores):
    return [_text(scores[metric], digits) for metric, digits in DIGITS.items()]


def _gain_texts(scored):
    return [_gain_text(_gain(scored, metric), digits) for metric, digits in DIGITS.items()]


def _gain(scored, metric):
    network, bicubic = scored[metric], scored['bicubic'][metric]
    return network - bicubic if network != bicubic else 0.0


def _gain_text(gain, digits):
    if abs(gain) < 0.5 * 10 ** -digits:
        return f'<span class="same">{_text(0.0, digits)}</span>'
    if gain > 0:
        return f'<span class="up">+{_text(gain, digits)}</span>'
    return f'<span class="down">−{_text(-gain, digits)}</span>'


def _text(value, digits):
    return '∞' if value == math.inf else f'{value:.{digits}f}'

"""The pictures of a report: each method's under a slider, with error maps and zoomed crops."""
import numpy as np

from sr_tf.report import charts
from sr_tf.report.words import escaped, gain_texts, label, link_key, texts


def article(picture, scores):
    """What the template says of a picture; `scores` maps methods to their entries of the image."""
    bicubic, hr = picture['bicubic'], picture['hr']
    shown = dict({'bicubic': bicubic}, **picture['sr'])
    names = list(shown)
    errors = {name: charts.error_map(one, hr) for name, one in shown.items()}
    window = charts.busiest_window(_interest(shown, hr), picture['scale'])
    top, left, height, width = window
    rows, columns = hr.shape[:2]
    return {
        'key': link_key(picture, picture),
        'name': escaped(picture['name']),
        'set': label(picture),
        'score': ''.join(_score_line(name, scores[name], len(picture['sr']) > 1)
                         for name in picture['sr'] if name in scores),
        'width': columns,
        'height': rows,
        'left': escaped(names[-2]),
        'right': escaped(names[-1]),
        'layers': ''.join(_layers(name, shown[name], errors[name], _sides(names)[name])
                          for name in names),
        'choice': _choice(names) if len(names) > 2 else '',
        'error_limit': charts.ERROR_LIMIT,
        'window': (f'left:{100 * left / columns:.3f}%;top:{100 * top / rows:.3f}%;'
                   f'width:{100 * width / columns:.3f}%;height:{100 * height / rows:.3f}%'),
        'crops': _crops(picture['lr'], shown, hr, errors, window, picture['scale']),
    }


def _interest(shown, hr):
    """For each pixel, the squared error that a method spares over bicubic, or methods differ in."""
    def squared(picture):
        return (charts.channels(picture) - charts.channels(hr)) ** 2

    bicubic, *methods = map(squared, shown.values())
    if len(methods) == 1:
        return (bicubic - methods[0]).sum(axis=-1)
    return np.ptp(methods, axis=0).sum(axis=-1)


def _sides(names):
    """The classes of the pictures: the last two are compared until others are chosen."""
    return dict(dict.fromkeys(names, ''), **{names[-2]: ' shown', names[-1]: ' shown over'})


def _layers(name, picture, error, side):
    name, size = escaped(name), f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
    return (f'<img class="plain{side}" data-method="{name}" src="{charts.data_uri(picture)}" '
            f'alt="{name}" {size}>\n'
            f'<img class="error{side}" data-method="{name}" '
            f'src="{charts.data_uri(error, charts.error_ramp())}" alt="error of {name}" {size}>\n')


def _choice(names):
    """What stands left and right of the handle, where there are more than two pictures."""
    def options(chosen):
        return ''.join(f'<option{" selected" if name == chosen else ""}>{escaped(name)}</option>'
                       for name in names)
    return (f'<label>Left <select>{options(names[-2])}</select></label>'
            f'<label>Right <select>{options(names[-1])}</select></label>')


def _crops(lr, shown, hr, errors, window, scale):
    ramp = charts.error_ramp()
    parts = [('LR', lr, None, [side // scale for side in window])]
    parts += [(name, picture, None, window) for name, picture in shown.items()]
    parts += [('HR', hr, None, window)]
    parts += [(f'{name} error', error, ramp, window) for name, error in errors.items()]
    return ''.join(_crop(escaped(name), pixels, place, palette)
                   for name, pixels, palette, place in parts)


def _crop(name, pixels, window, palette):
    top, left, height, width = window
    pixels = pixels[top:top + height, left:left + width]
    return (f'<figure><img src="{charts.data_uri(pixels, palette)}" width="{width}" '
            f'height="{height}" alt="{name}"><figcaption>{name}</figcaption></figure>')


def _score_line(name, score, several):
    (psnr, ssim), (psnr_gain, ssim_gain) = texts(score), gain_texts(score)
    method = f'<span>{escaped(name)}</span> ' if several else ''
    return (f'<p class="score">{method}<span>PSNR <b>{psnr}</b> dB {psnr_gain}</span> '
            f'<span>SSIM <b>{ssim}</b> {ssim_gain}</span> <span>gains over bicubic</span></p>')

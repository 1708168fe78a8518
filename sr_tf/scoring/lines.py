"""What a terminal shows of scores: a line for each set, and the table of a paper."""
from sr_tf.scoring.results import rows, seconds_per_megapixel


def lines(method, result, with_name=False):
    """Of one entry of metrics.json; `with_name` where several methods are scored."""
    place = '%s x%d' % (result['dataset'], result['scale'])
    place = '%s, %s' % (method.name, place) if with_name else place
    for recursion in result.get('recursions', ()):
        yield '%s recursion %d: PSNR %s, SSIM %s' % ((place, recursion['recursion'])
                                                     + _texts(recursion, result))
    yield '%s: %s on %d image%s in %.1f s, %.2f s per megapixel' % (
        place, _beside_bicubic(result, result), len(result['images']),
        's' * (len(result['images']) > 1), result['seconds'], seconds_per_megapixel(result))
    for name, scores in result.get('protocols', {}).items():
        yield '%s by %s: %s' % (place, name, _beside_bicubic(scores, result))


def summary(entry):
    """Of a network at a scale."""
    radius = entry['receptive_radius']
    sees = 'sees the whole picture' if radius is None else 'sees %d pixels far' % radius
    return '%s x%d: %s parameters, %.1f G multiply-adds for 1280x720, %s, %.3g s per megapixel' % (
        entry['name'], entry['scale'], format(entry['parameters'], ','),
        entry['multiply_adds'] / 1e9, sees, entry['seconds_per_megapixel'])


def table(metrics):
    """Markdown with a row for each set, scale and method, by the first protocol."""
    yield '| set | x | method | PSNR / SSIM | published | bicubic | published |'
    yield '|---|---|---|---|---|---|---|'
    for run, result in rows(metrics.get('runs', [metrics])):
        bicubic = result['bicubic']
        yield '| %s | %d | %s | %s | %s | %s | %s |' % (
            result['dataset'], result['scale'], run.get('name', run['model']), _short(result),
            _short(result.get('published')), _short(bicubic), _short(bicubic.get('published')))


def _beside_bicubic(scores, result):
    return 'PSNR %s, SSIM %s (bicubic %s, %s)' % (
        _texts(scores, result) + _texts(scores['bicubic'], result))


def _texts(scores, result):
    count, infinite = len(result['images']), scores['infinite']
    if infinite == count:
        return 'inf dB', '%.4f' % scores['ssim']
    note = infinite and ' of %d images, inf on the other %d' % (count - infinite, infinite)
    return '%.4f dB%s' % (scores['psnr'], note or ''), '%.4f' % scores['ssim']


def _short(scores):
    if scores is None:
        return ''
    if scores['ssim'] is None:
        return '%.2f' % scores['psnr']
    return '%.2f / %.4f' % (scores['psnr'], scores['ssim'])

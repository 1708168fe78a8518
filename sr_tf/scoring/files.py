"""Scores as files for other programs to read."""
import csv
import json

from sr_tf.whole_file import whole_or_absent

# Later versions add columns behind these, and never between them.
COLUMNS = ('dataset', 'scale', 'name', 'psnr', 'ssim', 'bicubic_psnr', 'bicubic_ssim')
MORE_COLUMNS = ('ms_ssim', 'bicubic_ms_ssim', 'seconds', 'megapixels', 'method')


def write_json(path, metrics):
    with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
        json.dump(_finite(metrics), file, indent=2)


def write_csv(path, metrics):
    """A row of each image and, with the name 'mean', of each set; two columns more of each further
    protocol.
    """
    protocols = list(metrics.get('protocols', ()))[1:]
    columns = ['%s %s' % (name, measure) for name in protocols for measure in ('psnr', 'ssim')]
    # A file's name may be no text in UTF-8.
    with whole_or_absent(path) as temporary, \
            open(temporary, 'w', newline='', encoding='utf-8', errors='backslashreplace') as file:
        table = csv.writer(file)
        table.writerow(list(COLUMNS + MORE_COLUMNS) + columns)
        for run in metrics.get('runs', [metrics]):
            for result in run['results']:
                for image in result['images'] + [dict(result, name='mean')]:
                    table.writerow(_row(run, result, image, protocols))


def _row(run, result, image, protocols):
    bicubic = image['bicubic']
    row = [result['dataset'], result['scale'], image['name'], image['psnr'], image['ssim'],
           bicubic['psnr'], bicubic['ssim'], image['ms_ssim'], bicubic['ms_ssim'],
           image['seconds'], image['megapixels'], run.get('name', run['model'])]
    return row + [image['protocols'][name][measure]
                  for name in protocols for measure in ('psnr', 'ssim')]


def _finite(value):
    """Without infinities, which JSON does not know: the PSNR of two equal pictures is 'inf'."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return str(value) if value in (float('inf'), float('-inf')) else value

"""Scores as files for other programs to read."""
import csv
import json

from sr_tf.whole_file import whole_or_absent

COLUMNS = ('dataset', 'scale', 'name', 'psnr', 'ssim', 'bicubic_psnr', 'bicubic_ssim')


def write_json(path, metrics):
    with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
        json.dump(_finite(metrics), file, indent=2)


def write_csv(path, results):
    with whole_or_absent(path) as temporary, open(temporary, 'w', newline='') as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(_rows(results))


def _finite(value):
    """Without infinities, which JSON does not know: the PSNR of two equal pictures is 'inf'."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return 'inf' if value == float('inf') else value


def _rows(results):
    for result in results:
        for image in result['images'] + [dict(result, name='mean')]:
            yield [result['dataset'], result['scale'], image['name'], image['psnr'],
                   image['ssim'], image['bicubic']['psnr'], image['bicubic']['ssim']]

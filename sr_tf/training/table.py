"""The table that a run leaves, `train.csv`: what was logged, a row each, and its validations."""
import csv

COLUMNS = ('step', 'scale', 'loss', 'gradient_norm', 'learning_rate', 'sec_per_batch',
           'data_wait', 'images_per_sec', 'psnr')


def read(path):
    """The rows that are whole: a power cut may leave half of one, or zeros in its place."""
    with open(path, newline='', errors='replace') as file:
        rows = list(csv.DictReader(line.replace('\0', '') for line in file))
    return list(filter(_is_whole, rows))


def _is_whole(row):
    try:
        int(row['step'])
        for value in row.values():
            float(value or 0)
    except (KeyError, TypeError, ValueError):
        return False
    return None not in row.values()

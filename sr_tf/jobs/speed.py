"""How fast a run was, from the table that it leaves."""
import os

from sr_tf.training import table

LAST_ROWS = 20  # before them a chip may have compiled


def measure(folder):
    """(images per second of all devices together, seconds per step), or None without any row."""
    rows = [row for row in table.read(os.path.join(folder, 'train.csv'))
            if row['images_per_sec']][-LAST_ROWS:]
    if not rows:
        return None
    rates, seconds = ([float(row[name]) for row in rows]
                      for name in ('images_per_sec', 'sec_per_batch'))
    return len(rates) / sum(1 / rate for rate in rates), sum(seconds) / len(seconds)

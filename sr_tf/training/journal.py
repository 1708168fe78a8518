"""What a run leaves for people to read: lines, a CSV, TensorBoard's events, a progress bar."""
import csv
import io
import json
import os
import time

import numpy as np
from PIL import Image

from sr_tf.compat import tf
from sr_tf.images.files import to_uint8
from sr_tf.progress import ProgressBar
from sr_tf.training import table
from sr_tf.whole_file import whole_or_absent


class Journal:
    """Writes `train.log`, `train.csv` and TensorBoard's events in a run's folder.

    `start_step`: where the run begins or continues; rows of later steps, which a killed run wrote
    after its last checkpoint, are dropped.
    """

    def __init__(self, folder, start_step, max_steps):
        self._folder = folder
        self._max_steps = max_steps
        self._log = open(os.path.join(folder, 'train.log'), 'a', buffering=1)
        path = os.path.join(folder, 'train.csv')
        _start_table(path, start_step)
        self._table = open(path, 'a', buffering=1, newline='')
        self._rows = csv.DictWriter(self._table, table.COLUMNS)
        self._events = tf.summary.FileWriter(folder)
        self._bar = ProgressBar(max_steps, start_step)
        self._start_count()

    def arguments(self, values):
        """Keeps what the run was asked for."""
        path = os.path.join(self._folder, 'arguments.json')
        with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
            json.dump(values, file, indent=2, sort_keys=True)

    def step(self, step, loss, data_wait):
        """Takes note of a step that has ended, after it waited so many seconds for its input."""
        self._loss_sum += loss
        self._wait_sum += data_wait
        self._count += 1
        self._bar.update(step, 'loss %.4f' % (self._loss_sum / self._count))

    def report(self, step, scale, learning_rate, gradient_norm, images):
        """A line about the steps since the last one; `images` were seen in each of them."""
        seconds = (time.monotonic() - self._since) / self._count
        loss = self._loss_sum / self._count
        data_wait = float(self._wait_sum / self._count)
        self._start_count()
        self.say('step %d/%d x%d lr %.3g loss %.6f sec/batch %.3f fps %.3f data_wait %.2g'
                 % (step, self._max_steps, scale, learning_rate, loss, seconds, images / seconds,
                    data_wait))
        row = {'step': step, 'scale': scale, 'loss': loss, 'gradient_norm': gradient_norm,
               'learning_rate': learning_rate, 'sec_per_batch': seconds, 'data_wait': data_wait,
               'images_per_sec': images / seconds}
        self._write(row)

    def validated(self, step, psnr, seconds):
        """Takes note of a score; the seconds that it took are not those of steps."""
        self.say('step %d/%d validation PSNR %.4f dB' % (step, self._max_steps, psnr))
        self._write({'step': step, 'psnr': psnr})
        self._since += seconds

    def pictures(self, step, pictures):
        """Shows pictures, a mapping of names to RGB arrays in 0..255, in TensorBoard."""
        self._add_summary(step, [
            tf.Summary.Value(tag=name, image=_image_summary(to_uint8(picture)))
            for name, picture in pictures.items()])

    def say(self, line):
        self._log.write(line + '\n')
        self._bar.print(line)

    def close(self):
        self._bar.close()
        self._events.close()
        self._table.close()
        self._log.close()

    def _start_count(self):
        self._loss_sum = self._wait_sum = self._count = 0
        self._since = time.monotonic()

    def _write(self, row):
        # A score has all its digits, so that it can be compared with that of validate.py.
        self._rows.writerow({
            key: '%.6g' % value if isinstance(value, float) and key != 'psnr' else value
            for key, value in row.items()})
        self._add_summary(row['step'], [
            tf.Summary.Value(tag=key, simple_value=value)
            for key, value in row.items() if key not in ('step', 'scale')])

    def _add_summary(self, step, values):
        self._events.add_summary(tf.Summary(value=values), step)


class Silence:
    """The journal of a process that leaves the writing to another."""

    def __init__(self, *_):
        return

    def __getattr__(self, name):
        return lambda *_: None


def read_curve(folder):
    """The losses and validation PSNRs of a run as lists of (step, value), or None without any.

    `folder` is the run's or, for its best checkpoint, one within it.
    """
    tables = [os.path.join(place, 'train.csv') for place in (folder, os.path.dirname(folder))]
    found = next(filter(os.path.exists, tables), None)
    if found is None:
        return None
    rows = table.read(found)
    return {name: [(int(row['step']), float(row[name])) for row in rows if row[name]]
            for name in ('loss', 'psnr')}


def _start_table(path, step):
    """Leaves the header and the rows up to a step."""
    rows = table.read(path) if os.path.exists(path) else []
    with whole_or_absent(path) as temporary, open(temporary, 'w', newline='') as file:
        writer = csv.DictWriter(file, table.COLUMNS)
        writer.writeheader()
        writer.writerows(row for row in rows if int(row['step']) <= step)


def _image_summary(image):
    encoded = io.BytesIO()
    Image.fromarray(np.squeeze(image)).save(encoded, format='PNG')
    return tf.Summary.Image(height=image.shape[0], width=image.shape[1],
                            colorspace=3, encoded_image_string=encoded.getvalue())

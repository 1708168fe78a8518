"""A progress bar with the time that is left, on a terminal; nothing elsewhere."""
import shutil
import sys
import time

from sr_tf.streams import say, show

REFRESH_SECONDS = 0.2
CLEAR = '\r\x1b[K'


class ProgressBar:
    """Counts from `start` to `total`; the pace is that of this process alone.

    unit: of what is counted, if that is no whole things; it makes the pace be shown, too.
    """

    def __init__(self, total, start=0, label='', unit='', stream=None):
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._total = total
        self._start = start
        self._label = label
        self._unit = unit
        self._began = time.monotonic()
        self._drawn = 0.0

    def update(self, done, text=''):
        now = time.monotonic()
        if self._shown and (now - self._drawn > REFRESH_SECONDS or done >= self._total):
            self._drawn = now
            self._draw(done, text, max(now - self._began, 1e-6))

    def print(self, line):
        """A line that stays, above the bar."""
        if self._shown:
            show(CLEAR, self._stream)
        say(line)

    def close(self):
        if self._shown and self._drawn:
            show('\n', self._stream)

    def _draw(self, done, text, seconds):
        left = '--'
        if done > self._start:
            left = _duration(seconds * (self._total - done) / (done - self._start))
        if self._unit:
            amount = '%.1f/%.1f %s' % (done, self._total, self._unit)
            text = '%.2f %s/s %s' % ((done - self._start) / seconds, self._unit, text)
        else:
            amount = '%d/%d' % (done, self._total)
        line = '%s%s %3d%% ETA %s %s' % (
            self._label and self._label + ' ', amount, 100 * done / (self._total or 1), left, text)
        columns = shutil.get_terminal_size().columns
        room = max(0, min(30, columns - len(line) - 4))
        filled = int(room * done / (self._total or 1))
        bar = '[%s%s] ' % ('=' * filled, ' ' * (room - filled)) if room > 4 else ''
        show(CLEAR + (bar + line)[:columns - 1], self._stream)


def progress_shower(label):
    """A function of (done, total) that shows a bar from its first call to the last."""
    bar = []

    def show(done, total):
        if not bar:
            bar.append(ProgressBar(total, label=label))
        bar[0].update(done)
        if done == total:
            bar[0].close()

    return show


def _duration(seconds):
    seconds = int(seconds)
    if seconds >= 3600:
        return '%d:%02d:%02d' % (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return '%d:%02d' % (seconds // 60, seconds % 60)

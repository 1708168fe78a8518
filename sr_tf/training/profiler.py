"""Traces of a few steps, for chrome://tracing and Perfetto."""
import os

from sr_tf.compat import tf, timeline
from sr_tf.whole_file import whole_or_absent

FIRST_STEP, LAST_STEP = 10, 15  # by then nothing is done for the first time


class Profiler:
    """`run` is `session.run`, which a traced step leaves a `profile/step-<n>.json` of."""

    def __init__(self, session, folder, enabled):
        self._session = session
        self._folder = os.path.join(folder, 'profile')
        self._enabled = enabled

    def run(self, step, fetches, feed):
        if not (self._enabled and FIRST_STEP <= step <= LAST_STEP):
            return self._session.run(fetches, feed)
        metadata = tf.RunMetadata()
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        values = self._session.run(fetches, feed, options, metadata)
        path = os.path.join(self._folder, 'step-%d.json' % step)
        with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
            file.write(timeline().Timeline(metadata.step_stats).generate_chrome_trace_format())
        return values

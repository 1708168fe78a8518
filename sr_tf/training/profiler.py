"""Traces of a few steps, for chrome://tracing and Perfetto."""
import os

from sr_tf.compat import tf, timeline
from sr_tf.whole_file import whole_or_absent

FIRST, LAST = 10, 15  # of a run's own steps; by then nothing is done for the first time


class Profiler:
    """`run` is `session.run`, which a traced step leaves a `profile/step-<n>.json` of.

    done: the steps that were done before this run went on.
    """

    def __init__(self, session, folder, enabled, done):
        self._session = session
        self._folder = os.path.join(folder, 'profile')
        self._enabled = enabled
        self._done = done

    def run(self, step, fetches, feed):
        if not (self._enabled and FIRST <= step - self._done <= LAST):
            return self._session.run(fetches, feed)
        metadata = tf.RunMetadata()
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        values = self._session.run(fetches, feed, options, metadata)
        path = os.path.join(self._folder, 'step-%d.json' % step)
        with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
            file.write(timeline().Timeline(metadata.step_stats).generate_chrome_trace_format())
        return values

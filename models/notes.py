"""What whoever builds a network's graph has to say to its layers; kept with the graph."""
import contextlib

from sr_tf.compat import tf


@contextlib.contextmanager
def noted(name, value):
    """Within it, `note(name)` in this graph returns the value."""
    notes = tf.get_collection_ref('sr_tf/' + name)
    notes.append(value)
    try:
        yield
    finally:
        notes.pop()


def note(name):
    """What was said last and still holds, or None."""
    return (tf.get_collection('sr_tf/' + name) or [None])[-1]

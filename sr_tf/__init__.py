"""Image super-resolution for TensorFlow in graph mode.

`load(checkpoint)` returns a function that enlarges pictures; `score(sr, hr, scale)` measures one.
"""
import importlib

from sr_tf.version import VERSION as __version__

__all__ = ['__version__', 'load', 'score']

_HOMES = {'load': 'sr_tf.upscaler', 'score': 'sr_tf.scoring.protocols'}


def __getattr__(name):
    # Here the whole house would be imported, and in a circle, by whoever imports any room of it.
    if name not in _HOMES:
        raise AttributeError('module %r has no attribute %r' % (__name__, name))
    return getattr(importlib.import_module(_HOMES[name]), name)

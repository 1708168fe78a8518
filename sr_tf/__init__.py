"""Image super-resolution for TensorFlow in graph mode.

`load(checkpoint)` returns a function that enlarges pictures; `score(sr, hr, scale)` measures one.
"""
from sr_tf.scoring.protocols import score
from sr_tf.upscaler import load
from sr_tf.version import VERSION as __version__

__all__ = ['__version__', 'load', 'score']

"""The plug-in for TensorFlow 2, emulated."""
from emulated_npu import plugin

plugin.require_tensorflow('2', __name__)

from npu_device import compat  # noqa: E402, F401

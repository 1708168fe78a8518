"""The plug-in for TensorFlow 1.15, emulated."""
from emulated_npu import plugin

plugin.require_tensorflow('1', __name__)
plugin.publish(__name__)

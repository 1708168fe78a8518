"""The modules of `npu_bridge`, for sessions in TensorFlow 2."""
from emulated_npu import plugin

plugin.publish(__name__)

from emulated_npu.plugin import enable_v1  # noqa: F401
from npu_device.compat import v1  # noqa: F401

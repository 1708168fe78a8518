"""Which plug-in is emulated: the adapter of 2021, or the newer ones."""
import os

from emulated_npu.errors import EmulatorError

NAMES = ('2021', 'newer')


def is_newer():
    name = os.environ.get('NPU_EMULATOR_PROFILE', 'newer')
    if name not in NAMES:
        raise EmulatorError('NPU_EMULATOR_PROFILE=%s: is %s' % (name, ' or '.join(NAMES)))
    return name == 'newer'

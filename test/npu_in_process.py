"""The emulated plug-in of the NPU in the process of the tests, which has no trace of it later."""
import contextlib
import importlib
import json
import os
import sys

from sr_tf.chips.session import Chip
from sr_tf.compat import is_tensorflow_1, tf

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'npu_emulator')
PACKAGES = ('emulated_npu', 'hccl', 'npu_bridge', 'npu_device')
VARIABLES = ('DEVICE_ID', 'JOB_ID', 'NPU_EMULATOR_JOURNAL', 'NPU_EMULATOR_MAX_GRAPHS',
             'NPU_EMULATOR_OVERFLOWS', 'NPU_EMULATOR_PROFILE', 'RANK_ID', 'RANK_SIZE',
             'RANK_TABLE_FILE')


@contextlib.contextmanager
def plugin_on_path():
    sys.path.insert(0, FOLDER)
    try:
        # In a graph of its own: the plug-in comes before the first node.
        with tf.Graph().as_default():
            Chip('npu')
        yield
    finally:
        emulated('sessions').uninstall()
        sys.path.remove(FOLDER)
        for name in list(sys.modules):
            if name.split('.')[0] in PACKAGES:
                del sys.modules[name]


def as_new(monkeypatch):
    """Makes the plug-in forget what happened, in an environment that says nothing."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    emulated('system').reset()
    emulated('float_status').reset()


def emulated(name):
    """A module of the emulator."""
    return importlib.import_module('emulated_npu.' + name)


def part(name):
    """A module of the plug-in, by its name below the package."""
    package = 'npu_bridge' if is_tensorflow_1() else 'npu_device.compat.v1'
    return importlib.import_module('%s.%s' % (package, name))


def read_journal(path, event=None):
    """What the emulator wrote down, of one kind."""
    with open(str(path)) as file:
        return [entry for entry in map(json.loads, file) if event in (None, entry['event'])]

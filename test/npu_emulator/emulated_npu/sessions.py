"""Takes over the sessions whose configuration names the plug-in, as the plug-in's library does."""
import os

import tensorflow
from tensorflow.python.client.session import BaseSession

from emulated_npu import collectives, options, system
from emulated_npu.device import Device
from emulated_npu.errors import EmulatorError

tf = tensorflow.compat.v1
SPARE_THREADS = 4

_original = {}


def install(v1):
    """Once loaded, the plug-in stays; `v1` says whether it is told to serve sessions by now."""
    _original['v1'] = _original.get('v1') or v1
    if 'run' in _original:
        return
    _original['__init__'] = BaseSession.__init__
    _original['run'] = BaseSession.run
    # TensorFlow reads it once as well, while it is imported.
    _original['announces'] = os.environ.get('TF_CPP_MIN_LOG_LEVEL', '0') == '0'
    BaseSession.__init__ = _init
    BaseSession.run = _run


def uninstall():
    """For tests, whose process has other things to do."""
    if 'run' in _original:
        BaseSession.__init__ = _original['__init__']
        BaseSession.run = _original['run']
        _original.clear()


def _init(session, target='', graph=None, config=None):
    session._session = None  # its destructor asks for it, also after a refusal
    plugin_options = options.read(config)
    if plugin_options is None:
        _original['__init__'](session, target, graph, config)
        return
    if not _original['v1']:
        raise EmulatorError('a session for the NPU before npu_device.compat.enable_v1()')
    if target:
        raise EmulatorError('a session of the server %s: the plug-in works in its own process'
                            % target)
    system.require_up('a session')
    system.rank()
    graph = graph or tf.get_default_graph()
    threads = len(collectives.calls_of(graph)) + SPARE_THREADS
    config = tf.ConfigProto.FromString(config.SerializeToString())
    config.inter_op_parallelism_threads = threads
    config.use_per_session_threads = True
    _original['__init__'](session, target, graph, config)
    session._emulated_npu = Device(plugin_options, graph, threads - SPARE_THREADS,
                                   _original['announces'])


def _run(session, fetches, feed_dict=None, options=None, run_metadata=None):
    device = getattr(session, '_emulated_npu', None)

    def run(fetches, feed_dict):
        return _original['run'](session, fetches, feed_dict, options, run_metadata)

    return device.run(run, fetches, feed_dict) if device else run(fetches, feed_dict)

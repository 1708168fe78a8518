"""TensorFlow 1.15, 2.6 and 2.21 behind one name: `tf`, in graph mode.

Nothing else in the project imports TensorFlow or asks for its version. It is loaded when `tf` is
first used, so that `--help` and a mistyped flag are answered at once.
"""
import contextlib
import importlib
import logging
import os
import sys

# Of RewriterConfig.Toggle, which has no public name in TensorFlow 2.
REWRITE_ON, REWRITE_OFF = 1, 2
REWRITE_ONCE = 1  # of RewriterConfig.NumIterationsType


class _LazyTensorFlow:
    _module = None

    def __getattr__(self, name):
        if self._module is None:
            self._module = _load_graph_mode()
        value = getattr(self._module, name)
        setattr(self, name, value)
        return value


def _load_graph_mode():
    is_shared = 'tensorflow' in sys.modules
    # TensorFlow reads the level while it is imported. Its C++ errors reach Python as exceptions.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    with _silent_stderr():
        v1 = importlib.import_module('tensorflow').compat.v1
    logging.getLogger('tensorflow').setLevel(logging.ERROR)
    # In a notebook that computes eagerly, it goes on to; our graphs do not need it to stop.
    if not (is_shared and v1.executing_eagerly()):
        v1.disable_v2_behavior()
    return v1


@contextlib.contextmanager
def _silent_stderr():
    """While 2.21 is imported it greets on stderr, whatever the log level; Python's errors stay."""
    if sys.stderr is None:  # as in a daemon
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


tf = _LazyTensorFlow()


def tensorflow_version():
    """The version as a string, such as '2.6.5'."""
    return tf.version.VERSION


def is_tensorflow_1():
    return tensorflow_version().startswith('1.')


def bfloat16_rewrite():
    """The session option that runs a float32 graph in bfloat16 on a CPU, or None without one."""
    name = 'auto_mixed_precision_onednn_bfloat16'
    return name if hasattr(tf.ConfigProto().graph_options.rewrite_options, name) else None


def plain_dataset_options(threads):
    """`tf.data.Options` for a dataset that runs as it is written, by threads of its own."""
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    if hasattr(options, 'autotune'):
        options.autotune.enabled = False
    else:
        options.experimental_optimization.autotune = False
    own = options.threading if hasattr(options, 'threading') else options.experimental_threading
    own.private_threadpool_size = threads
    return options


def collective_ops():
    """TensorFlow's all-reduce and broadcast, which it offers under no public name."""
    return importlib.import_module('tensorflow.python.ops.collective_ops')


def timeline():
    """What turns a traced step into a file for a browser, which has no public name either."""
    return importlib.import_module('tensorflow.python.client.timeline')


def horovod():
    """Horovod for TensorFlow, which would load TensorFlow in a way of its own."""
    tensorflow_version()
    return importlib.import_module('horovod.tensorflow')

"""Marks the nodes that stand for one operation of the plug-in, so that nobody takes offence at how
it is emulated."""
import contextlib

import tensorflow

tf = tensorflow.compat.v1
_EMULATED = '_npu_emulated'
_KEEP_DTYPE = '_keep_dtype'


def emulated():
    """A context whose nodes are part of the emulator."""
    return _attribute(_EMULATED, tf.AttrValue(b=True))


def keep_dtype(value):
    return _attribute(_KEEP_DTYPE, value)


def is_emulated(operation):
    return _EMULATED in operation.node_def.attr


def keeps_dtype(operation):
    return _KEEP_DTYPE in operation.node_def.attr


@contextlib.contextmanager
def _attribute(name, value):
    with tf.get_default_graph()._attr_scope({name: value}):
        yield

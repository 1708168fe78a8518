"""The register in which the first generation of Ascend notes that a float16 overflowed.

What would overflow there does not on a CPU: NPU_EMULATOR_OVERFLOWS says when the register is set,
beside infinities and NaNs in what was computed just before it is read.
"""
import os

import numpy as np
import tensorflow

from emulated_npu import marks, system
from emulated_npu.errors import EmulatorError

tf = tensorflow.compat.v1
_register = {'reads': 0}


def npu_alloc_float_status():
    with marks.emulated():
        memory = tensorflow.raw_ops.VariableV2(shape=[1], dtype=tf.float32)
        return tf.assign(memory, tf.zeros([1]))


def npu_get_float_status(input_float):
    """Writes to the memory that was allocated; what it returns is not to be looked at."""
    with marks.emulated():
        written = tf.assign(input_float, tf.reshape(tf.cast(_reading(), tf.float32), [1]))
        with tf.control_dependencies([written]):
            return tf.zeros([1])


def npu_clear_float_status(float_status):
    with marks.emulated(), tf.control_dependencies([float_status]):
        return tf.zeros([1])


def npu_get_float_status_v2():
    with marks.emulated():
        return tf.fill([8], tf.cast(_reading(), tf.int32))


def npu_clear_float_status_v2():
    with marks.emulated():
        return tf.no_op()


def reset():
    """As in a new process; for tests."""
    _register['reads'] = 0


def _reading():
    """Whether what the current control dependencies computed has overflowed."""
    before = tf.get_default_graph()._control_dependencies_for_inputs([])
    computed = [tensor for operation in before for tensor in operation.outputs
                if tensor.dtype.base_dtype.is_floating]
    if not computed:
        raise EmulatorError('the float status is read before anything has been computed: put it '
                            'under tf.control_dependencies')
    read = tf.numpy_function(_read, computed, tf.bool)
    read.set_shape([])
    return read


def _read(*arrays):
    _register['reads'] += 1
    planned = os.environ.get('NPU_EMULATOR_OVERFLOWS', '').split(',')
    read = str(_register['reads'])
    return np.bool_(read in planned or '%s@%d' % (read, system.rank().number) in planned
                    or not all(np.isfinite(array).all() for array in arrays))

"""`hccl.manage.api` and the operations that start and end the system."""
import numpy as np
import tensorflow

from emulated_npu import marks, system
from emulated_npu.errors import EmulatorError

tf = tensorflow.compat.v1
WORLD = 'hccl_world_group'


def get_rank_id(group=WORLD):
    return _rank('get_rank_id', group).number


def get_rank_size(group=WORLD):
    return _rank('get_rank_size', group).size


def create_group(group, rank_num, rank_ids):
    raise EmulatorError('create_group(%r): only %s is emulated' % (group, WORLD))


def initialize_system(name=None):
    return _operation(system.initialise, name or 'NPUInit')


def shutdown_system(name=None):
    return _operation(system.shut_down, name or 'NPUShutdown')


def _rank(what, group):
    system.require_initialised(what)
    if group != WORLD:
        raise EmulatorError('%s(%r): only %s is emulated' % (what, group, WORLD))
    return system.rank()


def _operation(change, name):
    if tensorflow.executing_eagerly():
        raise RuntimeError('%s is for graphs, not for eager execution' % name)

    def run():
        change()
        return np.bool_(True)

    with marks.emulated():
        return tf.numpy_function(run, [], tf.bool, name=name).op

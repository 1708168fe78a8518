"""HCCL's operations: they wait for all ranks, and compute what HCCL computes."""
import os
import weakref

import tensorflow

from emulated_npu import journal, marks, system
from emulated_npu.errors import EmulatorError
from emulated_npu.exchange import REDUCTIONS, Exchange

tf = tensorflow.compat.v1
WORLD = 'hccl_world_group'
NUMBERS = ('int8', 'int32', 'float16', 'float32')
GATHERED = NUMBERS + ('int16', 'int64', 'uint64')

_calls = weakref.WeakKeyDictionary()
_process = {'exchange': None, 'positions': None}


def allreduce(tensor, reduction, fusion=1, fusion_id=-1, group=WORLD):
    tensor = _checked(tensor, NUMBERS, fusion, (0, 1, 2), group)
    _require(reduction in REDUCTIONS, 'reduction %s: is one of %s' % (reduction, list(REDUCTIONS)))
    return _call('HcomAllReduce', [tensor], [tensor.shape], reduction=reduction, fusion=fusion,
                 fusion_id=fusion_id)[0]


def allgather(tensor, rank_size, fusion=0, fusion_id=-1, group=WORLD):
    tensor = _checked(tensor, GATHERED, fusion, (0, 2), group)
    _require_ranks(rank_size)
    _require(tensor.shape.ndims != 0, 'allgather of a scalar')
    shape = tf.TensorShape([None]).concatenate(tensor.shape[1:])
    return _call('HcomAllGather', [tensor], [shape], fusion=fusion, fusion_id=fusion_id)[0]


def reduce_scatter(tensor, reduction, rank_size, fusion=0, fusion_id=-1, group=WORLD):
    tensor = _checked(tensor, NUMBERS, fusion, (0, 2), group)
    _require_ranks(rank_size)
    _require(reduction in REDUCTIONS, 'reduction %s: is one of %s' % (reduction, list(REDUCTIONS)))
    _require(tensor.shape.ndims and tensor.shape.is_fully_defined()
             and int(tensor.shape[0]) % rank_size == 0,
             'reduce_scatter of %s over %d ranks' % (tensor.shape, rank_size))
    shape = tf.TensorShape([int(tensor.shape[0]) // rank_size]).concatenate(tensor.shape[1:])
    return _call('HcomReduceScatter', [tensor], [shape], reduction=reduction, fusion=fusion,
                 fusion_id=fusion_id)[0]


def broadcast(tensor, root_rank, fusion=2, fusion_id=0, group=WORLD):
    _require(isinstance(tensor, (list, tuple)), 'broadcast takes a list of tensors')
    tensors = [_checked(each, None, fusion, (0, 2), group) for each in tensor]
    _require(0 <= root_rank < system.rank().size, 'root_rank %d' % root_rank)
    return _call('HcomBroadcast', tensors, [each.shape for each in tensors], root_rank=root_rank,
                 fusion=fusion, fusion_id=fusion_id)


def calls_of(graph):
    """Maps the names of nodes to the descriptions of the calls that they make."""
    return _calls.get(graph, {})


def run_with(calls, run):
    """What `run()` returns, which makes these calls, given by their descriptions in order."""
    if not calls:
        return run()
    exchange = _exchange()
    journal.note('hccl', calls=['%(type)s %(name)s %(tensors)s' % call for call in calls])
    exchange.begin_run(calls)
    _process['positions'] = {call['name']: number for number, call in enumerate(calls)}
    try:
        return run()
    finally:
        _process['positions'] = None


def _checked(tensor, dtypes, fusion, fusions, group):
    tensor = tf.convert_to_tensor(tensor)
    name = tensor.dtype.base_dtype.name
    _require(not dtypes or name in dtypes, 'dtype %s of %s' % (name, tensor.name))
    _require(name != 'string', 'dtype string of %s' % tensor.name)
    _require(fusion in fusions, 'fusion %r' % (fusion,))
    _require(group == WORLD, 'group %s: only %s is emulated' % (group, WORLD))
    return tensor


def _require(condition, fault):
    if not condition:
        raise EmulatorError('HCCL: %s' % fault)


def _require_ranks(size):
    _require(size == system.rank().size, 'rank_size %d of %d' % (size, system.rank().size))


def _call(kind, tensors, shapes, **attributes):
    def meet(*arrays):
        if _process['positions'] is None:
            raise EmulatorError('%s runs only on the NPU: this session has no NpuOptimizer' % kind)
        return _process['exchange'].call(
            _process['positions'][name],
            dict(description, shapes=[array.shape for array in arrays]), arrays)

    with marks.emulated():
        results = tf.numpy_function(meet, tensors, [tensor.dtype.base_dtype for tensor in tensors],
                                    name=kind)
    for result, shape in zip(results, shapes):
        result.set_shape(shape)
    name = results[0].op.name
    written = ' '.join('%s%s' % (tensor.dtype.base_dtype.name, tensor.shape) for tensor in tensors)
    description = dict(attributes, type=kind, name=name, tensors=written)
    _calls.setdefault(tf.get_default_graph(), {})[name] = description
    return results


def _exchange():
    if _process['exchange'] is None:
        timeout = float(os.environ.get('NPU_EMULATOR_TIMEOUT', 60))
        _process['exchange'] = Exchange(system.rank(), timeout)
    return _process['exchange']

"""HCCL, between Ascend NPUs."""
import os

from sr_tf.chips import npu
from sr_tf.compat import tf
from sr_tf.distributed.engine import Engine
from sr_tf.errors import UserError


class HcclEngine(Engine):
    def __init__(self, place):
        # The plug-in's own code fails on these with an AttributeError deep inside the graph.
        for name in ('JOB_ID', 'RANK_SIZE', 'RANK_TABLE_FILE'):
            if not os.environ.get(name):
                raise UserError('%s is not set in the environment; HCCL needs it when RANK_SIZE is '
                                'above 1 (launch.py sets it)' % name)
        # To the first message, before which each may have graphs of its own to compile.
        os.environ.setdefault('HCCL_CONNECT_TIMEOUT', '1800')
        self.rank = place.rank
        self.size = place.size
        self._ops = npu.hccl_ops()

    def average(self, tensors):
        """HCCL fuses the messages of a step by itself; it knows sums, not means."""
        return [self._ops.allreduce(tensor, 'sum', fusion=1) / self.size if tensor.shape.ndims
                else self._sum_scalar(tensor) / self.size for tensor in tensors]

    def sum(self, vector):
        return self._ops.allreduce(vector, 'sum', fusion=0)

    def broadcast(self, variables):
        values = self._ops.broadcast([tf.identity(variable) for variable in variables], 0)
        return tf.group(*[tf.assign(variable, value)
                          for variable, value in zip(variables, values)])

    def _sum_scalar(self, tensor):
        return tf.reshape(self.sum(tf.reshape(tensor, [1])), [])

"""TensorFlow's own collectives over gRPC: no dependency, on every version."""
import os

from sr_tf.compat import REWRITE_OFF, collective_ops, tf
from sr_tf.distributed.engine import Engine
from sr_tf.errors import UserError

GROUP = 1


class CollectiveEngine(Engine):
    def __init__(self, place, chip):
        addresses = place.addresses()
        self.rank = place.rank
        self.size = place.size
        self._task = '/job:worker/replica:0/task:%d' % self.rank
        self._messages = 0
        _bypass_proxies(address.rsplit(':', 1)[0] for address in addresses)
        cluster = tf.train.ClusterSpec({'worker': addresses})
        try:
            self._server = tf.train.Server(cluster, 'worker', self.rank,
                                           config=self._configured(chip.config()))
        except tf.errors.OpError as error:
            raise UserError('rank %d: cannot listen on %s: %s'
                            % (self.rank, addresses[self.rank], error.message)) from error

    def session(self, chip, graph):
        return tf.Session(self._server.target, graph, self._configured(chip.config()))

    def joined(self, vectors):
        with tf.device(self._task + '/device:CPU:0'):
            # As integers: mixed precision would round all, the loss too, where one is bfloat16.
            joined = tf.concat([tf.bitcast(vector, tf.int32) for vector in vectors], 0)
            return tf.bitcast(joined, tf.float32)

    def sum(self, vector):
        with tf.device(self._task + '/device:CPU:0'):
            # 1.15 wants the device to be written on what goes in as well.
            return collective_ops().all_reduce(tf.identity(vector), self.size, GROUP, self._next(),
                                               'Add', 'Id')

    def broadcast(self, variables):
        return tf.group(*[tf.assign(variable, self._from_chief(variable))
                          for variable in variables])

    def close(self):
        # While TensorFlow is still there: at the interpreter's end 1.15 stumbles over its absence.
        self._server = None

    def _from_chief(self, tensor):
        arguments = (tensor.shape, tensor.dtype.base_dtype, self.size, GROUP, self._next())
        with tf.device(self._task + '/device:CPU:0'):
            if self.is_chief:
                return collective_ops().broadcast_send(tf.identity(tensor), *arguments)
            return collective_ops().broadcast_recv(*arguments)

    def _next(self):
        """Messages are told apart by a number, which all ranks count alike."""
        self._messages += 1
        return self._messages

    def _configured(self, config):
        config.experimental.collective_group_leader = '/job:worker/replica:0/task:0'
        config.isolate_session_state = True
        # A server, unlike a session without one, cannot run fused operations of bfloat16.
        config.graph_options.rewrite_options.remapping = REWRITE_OFF
        del config.device_filters[:]
        config.device_filters.append(self._task)
        return config


def _bypass_proxies(hosts):
    """gRPC would ask a proxy for the way to machines that only we can reach, and wait for ever."""
    ours = sorted({'127.0.0.1', 'localhost', *hosts})
    for name in ('no_proxy', 'NO_PROXY'):
        known = [host for host in os.environ.get(name, '').split(',') if host]
        os.environ[name] = ','.join(known + ours)

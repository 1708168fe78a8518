"""Horovod, for those who have it: `horovodrun` starts the processes."""
from sr_tf.compat import tf
from sr_tf.distributed.engine import Engine
from sr_tf.errors import UserError


class HorovodEngine(Engine):
    def __init__(self, place):
        try:
            import horovod.tensorflow as hvd
        except ImportError as error:
            raise UserError('--distributed=horovod: Horovod cannot be imported (%s); build it for '
                            'this TensorFlow or use --distributed=tf' % error) from error
        hvd.init()
        self._hvd = hvd
        self.rank = hvd.rank()
        self.size = hvd.size()
        if place.size not in (1, self.size):
            raise UserError('--distributed=horovod: RANK_SIZE is %d, but Horovod knows of %d '
                            'processes; start them with horovodrun, not with launch.py'
                            % (place.size, self.size))

    def session(self, chip, graph):
        config = chip.config()
        config.gpu_options.visible_device_list = str(self._hvd.local_rank())
        return tf.Session(graph=graph, config=config)

    def sum(self, vector):
        return self._hvd.allreduce(vector, op=self._hvd.Sum)

    def broadcast(self, variables):
        return tf.group(*[tf.assign(variable, self._hvd.broadcast(variable, root_rank=0))
                          for variable in variables])

    def close(self):
        self._hvd.shutdown()

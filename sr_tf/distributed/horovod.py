"""Horovod, for those who have it; its processes are started by horovodrun or as all others."""
from sr_tf.compat import horovod, tf
from sr_tf.distributed import rendezvous
from sr_tf.distributed.engine import Engine
from sr_tf.distributed.place import started_by_horovodrun
from sr_tf.errors import UserError


class HorovodEngine(Engine):
    def __init__(self, place):
        try:
            hvd = horovod()
        except ImportError as error:
            raise UserError('--distributed=horovod: Horovod cannot be imported (%s); build it for '
                            'this TensorFlow or use --distributed=tf' % error) from error
        self._hvd = hvd
        self._shares_gpus = place.size == 1 or started_by_horovodrun()
        if not self._shares_gpus:
            if not hvd.gloo_built():
                raise UserError('--distributed=horovod: this Horovod was built without Gloo; start '
                                'the processes with horovodrun, or use --distributed=tf')
            rendezvous.meet(place)
        hvd.init()
        self.rank = hvd.rank()
        self.size = hvd.size()
        if place.size not in (1, self.size):
            raise UserError('--distributed=horovod: RANK_SIZE is %d, but Horovod knows of %d '
                            'processes; start them with either horovodrun or launch.py'
                            % (place.size, self.size))

    def session(self, chip, graph):
        config = chip.config()
        if self._shares_gpus and chip.kind == 'gpu':
            config.gpu_options.visible_device_list = str(self._hvd.local_rank())
        return tf.Session(graph=graph, config=config)

    def sum(self, vector):
        return self._hvd.allreduce(vector, op=self._hvd.Sum)

    def broadcast(self, variables):
        return tf.group(*[tf.assign(variable, self._hvd.broadcast(variable, root_rank=0))
                          for variable in variables])

    def close(self):
        self._hvd.shutdown()

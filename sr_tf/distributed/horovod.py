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
        if place.size > 1 and not started_by_horovodrun():
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

    def sum(self, vector):
        return self._hvd.allreduce(vector, op=self._hvd.Sum)

    def broadcast(self, variables):
        return tf.group(*[tf.assign(variable, self._hvd.broadcast(variable, root_rank=0))
                          for variable in variables])

    def close(self):
        self._hvd.shutdown()

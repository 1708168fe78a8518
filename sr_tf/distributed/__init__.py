"""Several processes that train one model; the only place that knows how they talk."""
from sr_tf.distributed.place import Place, started_by_horovodrun
from sr_tf.errors import UsageError

ENGINES = ('auto', 'none', 'tf', 'horovod', 'hccl')


def start(name, chip):
    """The engine for this process, joined with the others; `chip` decides what auto means."""
    place = Place.from_environment()
    by_horovod = started_by_horovodrun()
    if name == 'none' or (name == 'auto' and place.size == 1 and not by_horovod):
        from sr_tf.distributed.engine import Engine
        chip.be_alone()
        return Engine()
    if name == 'auto':
        name = 'hccl' if chip.kind == 'npu' else 'horovod' if by_horovod else 'tf'
    if (name == 'hccl') != (chip.kind == 'npu'):
        raise UsageError('--distributed=%s: hccl is for --chip=npu and only for it; this is %s'
                         % (name, chip.kind))
    if name == 'hccl':
        from sr_tf.distributed.hccl import HcclEngine
        return HcclEngine(place)
    if name == 'horovod':
        from sr_tf.distributed.horovod import HorovodEngine
        return HorovodEngine(place)
    from sr_tf.distributed.collective import CollectiveEngine
    return CollectiveEngine(place, chip)

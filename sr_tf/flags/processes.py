"""Several processes that share the work."""
from absl import flags

from sr_tf import distributed


def define_distributed(what):
    flags.DEFINE_enum('distributed', 'auto', distributed.ENGINES,
                      'How several processes %s: auto is hccl on NPUs, horovod under '
                      'horovodrun and else tf, when RANK_SIZE in the environment is above 1.'
                      % what)

"""Which of the machine's GPUs TensorFlow sees; to be settled before it looks for them."""
import glob
import os
import sys

from sr_tf.compat import tensorflow_version, tf
from sr_tf.distributed.place import Place, place_on_host
from sr_tf.errors import UsageError, UserError

DEVICES = ('/dev/nvidia[0-9]*', '/dev/dxg', '/dev/kfd')
VISIBLE, HIDDEN = 'CUDA_VISIBLE_DEVICES', '-1'


def hide():
    os.environ[VISIBLE] = HIDDEN


def choose(wanted=None):
    """Shows the wanted ones, or to each of several processes on this machine its own."""
    if wanted and Place.from_environment().size > 1:
        raise UsageError('--cuda_device=%s: would be the same for all processes; set %s=%s for '
                         'launch.py, which gives each its own' % (wanted, VISIBLE, wanted))
    on_host = place_on_host()
    if wanted:
        os.environ[VISIBLE] = wanted
    elif on_host:
        os.environ[VISIBLE] = share(on_host.rank, on_host.size)


def share(process, processes):
    """For each process its own GPU; if fewer are named than there are processes, all of them."""
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return str(process)
    return visible if len(visible.split(',')) < processes else visible.split(',')[process]


def found(wanted=None):
    """Whether there are any that this TensorFlow can use; warns if it cannot."""
    if not any(map(glob.glob, DEVICES)):
        return False
    choose(wanted)
    usable = seen()
    if not usable and os.environ.get(VISIBLE) not in ('', HIDDEN):
        _warn_or_fail()
    return usable


def _warn_or_fail():
    """Of several processes one on the CPU would slow the others, or train another graph."""
    place = Place.from_environment()
    if place.size > 1:
        raise UserError('TensorFlow %s sees no GPU for process %d; name one for each in %s, or one '
                        'that they share, or give --chip=cpu'
                        % (tensorflow_version(), place.rank, VISIBLE))
    print('warning: there is a GPU, but TensorFlow %s cannot use it (is CUDA installed?); '
          'computing on the CPU' % tensorflow_version(), file=sys.stderr)


def seen():
    return bool(tf.config.experimental.list_physical_devices('GPU'))

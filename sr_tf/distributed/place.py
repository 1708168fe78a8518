"""Which of how many processes this is, from the environment that a launcher or platform sets."""
import os
import re
from collections import namedtuple

from sr_tf.distributed import rank_table
from sr_tf.errors import UserError

FIRST_PORT = 29400
ADDRESSES = 'SR_TF_ADDRESSES'
NAMES = (('RANK_ID', 'RANK_SIZE'), ('HOROVOD_RANK', 'HOROVOD_SIZE'))
# Among the processes of one host, by horovodrun and by Open MPI.
NAMES_ON_HOST = (('HOROVOD_LOCAL_RANK', 'HOROVOD_LOCAL_SIZE'),
                 ('OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_LOCAL_SIZE'))


class Place(namedtuple('Place', 'rank size')):
    @classmethod
    def from_environment(cls):
        return _place(_first_set(NAMES) or NAMES[0])

    def addresses(self):
        """The host:port of each rank, which not every engine needs or platform tells."""
        if os.environ.get(ADDRESSES):
            return _as_many(self.size, _addresses(os.environ[ADDRESSES]), ADDRESSES)
        table = os.environ.get('RANK_TABLE_FILE')
        hosts = (_as_many(self.size, [device.host for device in rank_table.read(table)],
                          'RANK_TABLE_FILE=%s' % table)
                 if table else ['127.0.0.1'] * self.size)
        return ['%s:%d' % (host, FIRST_PORT + rank) for rank, host in enumerate(hosts)]


def place_on_host():
    """The `Place` among the processes of this host, where not launch.py started them, or None."""
    names = _first_set(NAMES_ON_HOST)
    return names and _place(names)


def in_a_job():
    """Whether someone numbered this process, be it as the only one."""
    return any(os.environ.get(name) for name, _ in NAMES) or Place.from_environment().size > 1


def started_by_horovodrun():
    return 'HOROVOD_RANK' in os.environ


def _first_set(pairs):
    """The first pair of variables of which that for the size is set, or None."""
    return next((names for names in pairs if os.environ.get(names[1])), None)


def _place(names):
    rank, size = _number(names[0], 0), _number(names[1], 1)
    if size < 1 or not 0 <= rank < size:
        raise UserError('%s=%d with %s=%d: ranks count from 0 up to below the size'
                        % (names[0], rank, names[1], size))
    return Place(rank, size)


def _number(name, default):
    value = os.environ.get(name) or str(default)
    if not value.isdigit():
        raise UserError('%s=%s in the environment: must be a whole number' % (name, value))
    return int(value)


def _addresses(text):
    addresses = text.split(',')
    for address in addresses:
        if not re.search(r':\d+$', address):
            raise UserError('%s: %s is no host:port' % (ADDRESSES, address))
    return addresses


def _as_many(size, processes, source):
    if len(processes) != size:
        raise UserError('%s names %d processes, but RANK_SIZE is %d'
                        % (source, len(processes), size))
    return processes

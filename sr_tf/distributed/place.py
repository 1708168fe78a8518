"""Which of how many processes this is, from the environment that a launcher or platform sets."""
import json
import os
from collections import namedtuple

from sr_tf.errors import UserError

FIRST_PORT = 29400
ADDRESSES = 'SR_TF_ADDRESSES'
NAMES = (('RANK_ID', 'RANK_SIZE'), ('HOROVOD_RANK', 'HOROVOD_SIZE'))


class Place(namedtuple('Place', 'rank size')):
    @classmethod
    def from_environment(cls):
        names = next((names for names in NAMES if os.environ.get(names[1])), NAMES[0])
        rank, size = _number(names[0], 0), _number(names[1], 1)
        if size < 1 or not 0 <= rank < size:
            raise UserError('%s=%d with %s=%d: ranks count from 0 up to below the size'
                            % (names[0], rank, names[1], size))
        return cls(rank, size)

    def addresses(self):
        """The host:port of each rank, which not every engine needs or platform tells."""
        if os.environ.get(ADDRESSES):
            return _as_many(self.size, os.environ[ADDRESSES].split(','), ADDRESSES)
        table = os.environ.get('RANK_TABLE_FILE')
        hosts = (_as_many(self.size, _hosts_of_rank_table(table), 'RANK_TABLE_FILE=%s' % table)
                 if table else ['127.0.0.1'] * self.size)
        return ['%s:%d' % (host, FIRST_PORT + rank) for rank, host in enumerate(hosts)]


def started_by_horovodrun():
    return 'HOROVOD_RANK' in os.environ


def _number(name, default):
    value = os.environ.get(name) or str(default)
    if not value.isdigit():
        raise UserError('%s=%s in the environment: must be a whole number' % (name, value))
    return int(value)


def _as_many(size, processes, source):
    if len(processes) != size:
        raise UserError('%s names %d processes, but RANK_SIZE is %d'
                        % (source, len(processes), size))
    return processes


def _hosts_of_rank_table(path):
    try:
        with open(path) as file:
            servers = json.load(file)['server_list']
        ranks = {int(device['rank_id']): server['server_id']
                 for server in servers for device in server['device']}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError('RANK_TABLE_FILE=%s: not a rank table of version 1.0 (%r)'
                        % (path, error)) from error
    return [ranks[rank] for rank in sorted(ranks)]

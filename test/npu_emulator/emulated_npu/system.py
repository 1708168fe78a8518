"""The environment of a rank, its rank table, and whether the system has been initialised."""
import json
import os
from collections import namedtuple

from emulated_npu.errors import EmulatorError

Rank = namedtuple('Rank', 'number size table')

_state = {'initialised': False, 'shut_down': False}


def rank():
    """Who this process is by the environment, which must be complete and consistent."""
    size = _number('RANK_SIZE', '1')
    if os.environ.get('RANK_TABLE_FILE') and not os.environ.get('RANK_ID'):
        raise EmulatorError('RANK_TABLE_FILE without RANK_ID')
    if size == 1:
        return Rank(0, 1, None)
    for name in ('JOB_ID', 'RANK_ID', 'RANK_TABLE_FILE'):
        if not os.environ.get(name):
            raise EmulatorError('RANK_SIZE=%d without %s' % (size, name))
    number = _number('RANK_ID')
    devices = _read_table(os.environ['RANK_TABLE_FILE'])
    if len(devices) != size or number >= size:
        raise EmulatorError('RANK_ID=%d and RANK_SIZE=%d with a rank table of %d devices'
                            % (number, size, len(devices)))
    # Which are the same as long as all of the machine's devices can be used.
    for name in ('DEVICE_ID', 'ASCEND_DEVICE_ID'):
        if os.environ.get(name, devices[number]) != devices[number]:
            raise EmulatorError('%s=%s, but the rank table has device %s for rank %d'
                                % (name, os.environ[name], devices[number], number))
    return Rank(number, size, os.environ['RANK_TABLE_FILE'])


def initialise():
    _state['initialised'] = True


def shut_down():
    _state['shut_down'] = True


def require_initialised(what):
    if _state['shut_down']:
        raise EmulatorError('%s after shutdown_system' % what)
    if rank().size > 1 and not _state['initialised']:
        raise EmulatorError('%s before initialize_system has run' % what)


def require_up(what):
    if _state['shut_down']:
        raise EmulatorError('%s after shutdown_system' % what)


def reset():
    """As in a new process; for tests."""
    _state.update(initialised=False, shut_down=False)


def _number(name, default=''):
    value = os.environ.get(name, default)
    if not value.isdigit() or (name == 'RANK_SIZE' and value == '0'):
        raise EmulatorError('%s=%s is no number of ranks' % (name, value))
    return int(value)


def _read_table(path):
    """The physical device of each rank."""
    try:
        with open(path) as file:
            table = json.load(file)
        return _devices(table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmulatorError('RANK_TABLE_FILE=%s: %r' % (path, error)) from error


def _devices(table):
    servers = table['server_list']
    _require(table['version'] == '1.0', 'version is not "1.0"')
    _require(table['status'] == 'completed', 'status is not "completed"')
    _require(table['server_count'] == str(len(servers)), 'server_count is not the servers\' number')
    ranks = {}
    for server in servers:
        own = [device['device_id'] for device in server['device']]
        _require(isinstance(server['server_id'], str), 'server_id is no text')
        _require(len(own) in (1, 2, 4, 8), 'a server has 1, 2, 4 or 8 devices')
        _require(all(isinstance(value, str) for device in server['device']
                     for value in device.values()), 'values are texts, numbers too')
        _require(len(set(own)) == len(own) and set(own) <= set('01234567'),
                 'device_id is not unique or not within 0 to 7')
        halves = {int(number) // 4 for number in own}
        _require(len(own) in (1, 8) or len(halves) == 1, 'devices are not within 0-3 or 4-7')
        ranks.update((device['rank_id'], device) for device in server['device'])
    count = sum(len(server['device']) for server in servers)
    _require(set(ranks) == set(map(str, range(count))), 'rank_id does not count from 0')
    addresses = {device['device_ip'] for device in ranks.values()}
    _require(len(addresses) == count, 'device_ip is not unique')
    return [ranks[str(number)]['device_id'] for number in range(count)]


def _require(condition, fault):
    if not condition:
        raise ValueError(fault)

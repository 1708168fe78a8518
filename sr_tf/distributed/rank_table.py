"""The file that tells HCCL where the NPUs of a job are, of version 1.0."""
import contextlib
import json
import tempfile
from collections import namedtuple

from sr_tf.errors import UsageError, UserError

Device = namedtuple('Device', 'host number')


def read(path, source='RANK_TABLE_FILE'):
    """The `Device` of each rank; `source` is where the path was given."""
    try:
        with open(path) as file:
            servers = json.load(file)['server_list']
        devices = {int(device['rank_id']): Device(server['server_id'], int(device['device_id']))
                   for server in servers for device in server['device']}
        return [devices[rank] for rank in range(len(devices))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError('%s=%s: not a rank table of version 1.0 (%r)'
                        % (source, path, error)) from error


def devices_of_host(path, source, devices, hosts, host_index):
    """The numbers of the devices of this one of the hosts, which have its ranks in their order."""
    table = read(path, source)
    if len(table) != devices * len(hosts):
        raise UsageError('%s=%s: is of %d devices, not of %d on each of %d hosts; give '
                         '--num_devices and --hosts as it has them'
                         % (source, path, len(table), devices, len(hosts)))
    first = host_index * devices
    own = table[first:first + devices]
    servers = {device.host for device in own}
    others = {device.host for device in table} - servers
    if len(servers) > 1 or hosts[host_index] in others:
        raise UsageError('%s=%s: the ranks %d to %d are those of %s; give --hosts in the order of '
                         'its ranks' % (source, path, first, first + devices - 1,
                                        ' and '.join(sorted(servers))))
    return [device.number for device in own]


def text(addresses, numbers=None, server='127.0.0.1'):
    """A rank table for one server, whose devices have these addresses and numbers."""
    if len(addresses) not in (1, 2, 4, 8):
        raise UsageError('--device_ips: names %d devices; HCCL works on 1, 2, 4 or 8 of a server'
                         % len(addresses))
    numbers = numbers or [str(number) for number in range(len(addresses))]
    if len(numbers) != len(addresses) or not _work_together(numbers):
        raise UsageError('--device_ids=%s: must be %d different ones from 0 to 7; 2 or 4 work '
                         'together within 0 to 3 or within 4 to 7'
                         % (','.join(numbers), len(addresses)))
    device = [{'device_id': number, 'device_ip': address, 'rank_id': str(rank)}
              for rank, (number, address) in enumerate(zip(numbers, addresses))]
    return json.dumps({'version': '1.0', 'status': 'completed', 'server_count': '1',
                       'server_list': [{'server_id': server, 'device': device}]}, indent=2)


def _work_together(numbers):
    if len(set(numbers)) < len(numbers) or not set(numbers) <= set('01234567'):
        return False
    return len(numbers) == 8 or set(numbers) <= set('0123') or set(numbers) <= set('4567')


@contextlib.contextmanager
def written(content):
    """The path of a file that holds a rank table, while it is needed."""
    with tempfile.NamedTemporaryFile('w', prefix='rank_table_', suffix='.json') as file:
        file.write(content)
        file.flush()
        yield file.name

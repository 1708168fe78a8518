"""What horovodrun does for its processes, for those that something else started."""
import os
import socket
import threading
import time

from sr_tf.errors import UserError

PATIENCE = 300  # seconds, for all processes of a job to start
POLL_SECONDS = 0.2


def meet(place):
    """Makes Horovod find the other processes, at the address that rank 0 has in the job."""
    hosts, ports = zip(*(address.rsplit(':', 1) for address in place.addresses()))
    chief = hosts[0], int(ports[0])
    _require_address_of_own(hosts)
    slots = _slots(hosts)
    if place.rank == 0:
        _serve(chief, slots)
    else:
        _wait_for(chief, place.rank)
    os.environ.update(_environment(slots[place.rank], chief))
    interface = _interface(hosts[place.rank])
    if interface:
        os.environ.setdefault('HOROVOD_GLOO_IFACE', interface)
        os.environ.setdefault('NCCL_SOCKET_IFNAME', interface)
    os.environ.setdefault('HOROVOD_GLOO_TIMEOUT_SECONDS', str(PATIENCE))


def _require_address_of_own(hosts):
    """Horovod 0.28 asks for this host's name in one place, whatever HOROVOD_GLOO_IFACE says."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        address = 'nothing'
    if address == 'nothing' or (address.startswith('127.') and len(set(hosts)) > 1):
        raise UserError('--distributed=horovod: the name of this host, %s, stands for %s, and '
                        'Horovod would have the others connect to that; name its address in '
                        '/etc/hosts, or use --distributed=tf' % (name, address))


def _slots(hosts):
    """For each rank which one it is: of all, on its host, and of those in its place elsewhere."""
    from horovod.runner.common.util.hosts import SlotInfo
    local = [[rank for rank, other in enumerate(hosts) if other == host] for host in hosts]
    places = [ranks.index(rank) for rank, ranks in enumerate(local)]
    across = [[rank for rank, other in enumerate(places) if other == place] for place in places]
    return [SlotInfo(host, rank, places[rank], across[rank].index(rank), len(hosts),
                     len(local[rank]), len(across[rank])) for rank, host in enumerate(hosts)]


def _environment(slot, chief):
    """What horovodrun would say to this process."""
    said = {
        'HOSTNAME': slot.hostname,
        'RANK': slot.rank,
        'SIZE': slot.size,
        'LOCAL_RANK': slot.local_rank,
        'LOCAL_SIZE': slot.local_size,
        'CROSS_RANK': slot.cross_rank,
        'CROSS_SIZE': slot.cross_size,
        'CONTROLLER': 'gloo',
        'CPU_OPERATIONS': 'gloo',
        'GLOO_RENDEZVOUS_ADDR': chief[0],
        'GLOO_RENDEZVOUS_PORT': chief[1],
    }
    return {'HOROVOD_' + name: str(value) for name, value in said.items()}


def _serve(address, slots):
    """Until the process ends: nobody says when the last rank has asked for the last time."""
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer
    try:
        server = RendezvousHTTPServer(address, RendezvousHandler, verbose=0)
    except OSError as error:
        raise UserError('rank 0: cannot listen on %s:%d: %s'
                        % (address + (error.strerror,))) from error
    server.init(slots)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _wait_for(address, rank):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(address, timeout=PATIENCE).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise UserError('rank %d: rank 0 does not answer at %s:%d: %s'
                                % ((rank,) + address + (error,))) from error
        time.sleep(POLL_SECONDS)


def _interface(host):
    """The network interface that has this host's address, or None."""
    import psutil
    address = socket.gethostbyname(host)
    return next((name for name, addresses in psutil.net_if_addrs().items()
                 if address in [each.address for each in addresses]), None)

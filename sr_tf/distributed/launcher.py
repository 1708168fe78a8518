"""Starts one process for each device, and ends them all when one fails."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from sr_tf.distributed.place import ADDRESSES, FIRST_PORT
from sr_tf.errors import UsageError

POLL_SECONDS = 0.1


def environments(devices, hosts, host_index, rank_table=None):
    """What the environment of each process on this host says beside what is there already."""
    size = devices * len(hosts)
    ports = _free_ports(size) if len(hosts) == 1 else [FIRST_PORT + r for r in range(size)]
    addresses = ['%s:%d' % (hosts[rank // devices], ports[rank]) for rank in range(size)]
    common = {'RANK_SIZE': str(size), ADDRESSES: ','.join(addresses),
              'JOB_ID': os.environ.get('JOB_ID') or '10087'}
    if rank_table:
        common['RANK_TABLE_FILE'] = os.path.abspath(rank_table)
    return [dict(common, RANK_ID=str(host_index * devices + device), DEVICE_ID=str(device),
                 ASCEND_DEVICE_ID=str(device)) for device in range(devices)]


def run(command, environments, log_path=None, grace=30):
    """Runs the command in each environment; returns 0, or the code of the first that failed."""
    received = []
    previous = {number: signal.signal(number, lambda number, _: received.append(number))
                for number in (signal.SIGTERM, signal.SIGINT)}
    ranks = [_Rank(command, environment, log_path) for environment in environments]
    try:
        failed = _wait(ranks, received)
        if failed is not None:
            print('launch.py: rank %s %s; ending the others' % (failed.name, failed.fate()),
                  file=sys.stderr, flush=True)
        deadline = time.time() + (grace if received and failed is None else 0)
        while any(rank.is_running() for rank in ranks) and time.time() < deadline:
            time.sleep(POLL_SECONDS)
    finally:
        for rank in ranks:
            rank.end()
        for number, handler in previous.items():
            signal.signal(number, handler)
    if failed is not None:
        return failed.exit_code()
    return 128 + received[0] if received else 0


def rank_table(device_ips, devices, server='127.0.0.1'):
    """A rank table of version 1.0 for one server, as text."""
    if not device_ips or len(device_ips) != devices:
        raise UsageError('--device_ips: needs the address of each of the %d devices' % devices)
    if devices not in (1, 2, 4, 8):
        raise UsageError('--num_devices=%d: HCCL works on 1, 2, 4 or 8 devices of a server'
                         % devices)
    device = [{'device_id': str(index), 'device_ip': ip, 'rank_id': str(index)}
              for index, ip in enumerate(device_ips)]
    return json.dumps({'version': '1.0', 'status': 'completed', 'server_count': '1',
                       'server_list': [{'server_id': server, 'device': device}]}, indent=2)


def write_rank_table(device_ips, devices):
    descriptor, path = tempfile.mkstemp(prefix='rank_table_', suffix='.json')
    with os.fdopen(descriptor, 'w') as file:
        file.write(rank_table(device_ips, devices))
    return path


def _wait(ranks, received):
    """Until all have ended, or a signal came, or one failed; returns the one that failed."""
    while not received:
        failed = next((rank for rank in ranks if rank.has_failed()), None)
        if failed is not None or not any(rank.is_running() for rank in ranks):
            return failed
        time.sleep(POLL_SECONDS)
    for rank in ranks:
        rank.tell(received[0])
    return None


class _Rank:
    """A process; its output goes to its log, or to ours with its rank before each line."""

    def __init__(self, command, environment, log_path):
        self.name = environment['RANK_ID']
        self._log = None
        if log_path:
            os.makedirs(log_path, exist_ok=True)
            self._log = open(os.path.join(log_path, 'rank-%s.log' % self.name), 'a')
        # A session of its own: Ctrl-C reaches the launcher alone, which passes it on.
        self._process = subprocess.Popen(
            command, env=dict(os.environ, **environment), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self._log or subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._prefix, daemon=True)
        if not log_path:
            self._reader.start()

    def is_running(self):
        return self._process.poll() is None

    def has_failed(self):
        return bool(self._process.poll())

    def fate(self):
        code = self._process.poll()
        if code < 0:
            return 'was killed by %s' % signal.Signals(-code).name
        return 'ended with code %d' % code

    def exit_code(self):
        code = self._process.poll()
        return 128 - code if code < 0 else code

    def tell(self, number):
        if self.is_running():
            self._process.send_signal(number)

    def end(self):
        if self.is_running():
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._log:
            self._log.close()
        else:
            self._reader.join(timeout=5)

    def _prefix(self):
        for line in self._process.stdout:
            text = '[%s] %s' % (self.name, line.decode(errors='replace'))
            sys.stdout.write(text)
            sys.stdout.flush()


def _free_ports(count):
    """Ports that nobody listens on now; held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for held in sockets:
            held.bind(('127.0.0.1', 0))
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()

"""Starts one process for each device, and ends them all when one fails."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from sr_tf.chips import gpus
from sr_tf.distributed import children, rank_table
from sr_tf.distributed.place import ADDRESSES, FIRST_PORT
from sr_tf.streams import to_nowhere

POLL_SECONDS = 0.1


def environments(devices, hosts, host_index, table=None):
    """What the environment of each process on this host says, None for what it must not have.

    table: the path of the rank table; without it, that of the environment counts.
    """
    size = devices * len(hosts)
    ports = _free_ports(size) if len(hosts) == 1 else [FIRST_PORT + r for r in range(size)]
    addresses = ['%s:%d' % (hosts[rank // devices], ports[rank]) for rank in range(size)]
    common = {'RANK_SIZE': str(size), ADDRESSES: ','.join(addresses),
              'JOB_ID': os.environ.get('JOB_ID') or '10087'}
    source = '--rank_table' if table else 'RANK_TABLE_FILE'
    table = table or os.environ.get('RANK_TABLE_FILE')
    if table:
        common['RANK_TABLE_FILE'] = os.path.abspath(table)
        numbers = rank_table.devices_of_host(table, source, devices, hosts, host_index)
    else:
        numbers = range(devices)
    # A table has the numbers of DEVICE_ID. The other ones, which the plug-in prefers, count the
    # devices that a container was given.
    return [dict(common, RANK_ID=str(host_index * devices + process), DEVICE_ID=str(number),
                 ASCEND_DEVICE_ID=None if table else str(number),
                 CUDA_VISIBLE_DEVICES=gpus.share(process, devices))
            for process, number in enumerate(numbers)]


def run(command, environments, log_path=None, grace=30):
    """Runs the command in each environment; returns 0, or the code of the first that failed."""
    with children.signals_received() as received:
        return _run(command, environments, log_path, grace, received)


def _run(command, environments, log_path, grace, received):
    ranks = [_Rank(command, environment, log_path) for environment in environments]
    try:
        # Not before all are started: a process with threads had better not start any.
        for rank in ranks:
            rank.listen()
        failed = _wait(ranks, received)
        if failed is not None:
            print('launch.py: rank %s %s; ending the others' % (failed.name, failed.fate()),
                  file=sys.stderr, flush=True)
        else:
            _wait_for_the_end(ranks, received, grace)
    finally:
        for rank in ranks:
            rank.end()
    if failed is not None:
        return failed.exit_code()
    return 128 + received[0] if received else 0


def _wait(ranks, received):
    """Until all have ended, or a signal came, or one failed; returns the one that failed."""
    while not received:
        # Before they are asked how they ended, for one may end in between.
        running = any(rank.is_running() for rank in ranks)
        failed = [rank for rank in ranks if rank.has_failed()]
        if failed:
            # A rank that was killed did not end because another had.
            return min(failed, key=_Rank.code)
        if not running:
            return None
        time.sleep(POLL_SECONDS)
    for rank in ranks:
        rank.tell(received[0])
    return None


def _wait_for_the_end(ranks, received, grace):
    """Gives the ranks time to save; a second signal takes it away."""
    deadline = time.monotonic() + grace
    while any(rank.is_running() for rank in ranks) and len(received) < 2:
        if time.monotonic() > deadline:
            print('launch.py: rank %s did not end within %g s (--grace); killing it'
                  % (', '.join(rank.name for rank in ranks if rank.is_running()), grace),
                  file=sys.stderr, flush=True)
            return
        time.sleep(POLL_SECONDS)


class _Rank:
    """A process; its output goes to its log, or to ours with its rank before each line."""

    def __init__(self, command, environment, log_path):
        self.name = environment['RANK_ID']
        self._log = None
        if log_path:
            os.makedirs(log_path, exist_ok=True)
            self._log = open(os.path.join(log_path, 'rank-%s.log' % self.name), 'a')
        self._process = children.start(
            command, env=_without_none(dict(os.environ, **environment)),
            stdout=self._log or subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._prefix, daemon=True)

    def listen(self):
        """Passes on what it prints, unless that goes to its log."""
        if not self._log:
            self._reader.start()

    def code(self):
        """None while it runs; below 0, the signal that killed it."""
        return self._process.poll()

    def is_running(self):
        return self.code() is None

    def has_failed(self):
        return bool(self.code())

    def fate(self):
        if self.code() < 0:
            return 'was killed by %s' % signal.Signals(-self.code()).name
        return 'ended with code %d' % self.code()

    def exit_code(self):
        return children.exit_code(self._process)

    def tell(self, number):
        if self.is_running():
            children.tell(self._process, number)

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
            _pass_on(b'[%s] %s\n' % (self.name.encode(), line.rstrip(b'\n')))


def _without_none(variables):
    return {name: value for name, value in variables.items() if value is not None}


def _pass_on(line):
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except OSError:
        # Whoever read our output, `head` or a terminal, has seen enough; the job goes on.
        to_nowhere(sys.stdout.fileno())


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

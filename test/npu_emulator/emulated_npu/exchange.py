"""How ranks meet: rank 0 listens on a socket, and all of them bring their part of each call.

Ranks that come with different calls are told so, and those that wait too long as well.
"""
import functools
import hashlib
import os
import socket
import threading
import time
from multiprocessing.connection import Connection

import numpy as np

from emulated_npu.errors import EmulatorError

REDUCTIONS = {'sum': np.add, 'prod': np.multiply, 'min': np.minimum, 'max': np.maximum}


class Exchange:
    """The connection of one rank with all others; with a single rank, with itself."""

    def __init__(self, rank, timeout):
        self._rank = rank
        self._timeout = timeout
        self._runs = 0
        self._address = _address(rank)
        if rank.number == 0:
            _Hub(self._address, rank.size, timeout)

    def begin_run(self, calls):
        """Tells the others which calls are going to come, and fails unless theirs are the same."""
        self._runs += 1
        self._meet((self._runs, None), calls, None)

    def call(self, position, description, arrays):
        """The result of one of the calls of this run; `description` is a dictionary."""
        return self._meet((self._runs, position), description, arrays)

    def _meet(self, key, description, arrays):
        connection = self._connect()
        try:
            connection.send((key, self._rank.number, description, arrays))
            # The hub gives up first, and knows who is missing.
            if not connection.poll(self._timeout + 10):
                raise EmulatorError('rank %d: rank 0 does not answer' % self._rank.number)
            answer = connection.recv()
        except (EOFError, OSError) as error:
            raise EmulatorError('rank %d: rank 0 is gone' % self._rank.number) from error
        finally:
            connection.close()
        if isinstance(answer, str):
            raise EmulatorError('rank %d: %s' % (self._rank.number, answer))
        return answer

    def _connect(self):
        deadline = time.time() + self._timeout
        while True:
            connected = socket.socket(socket.AF_UNIX)
            try:
                connected.connect(self._address)
                return Connection(connected.detach())
            except OSError as error:
                connected.close()
                if time.time() > deadline:
                    raise EmulatorError('rank %d: rank 0 is not there'
                                        % self._rank.number) from error
                time.sleep(0.05)


class _Hub:
    """Lives in rank 0 until the process ends."""

    def __init__(self, address, size, timeout):
        self._size = size
        self._timeout = timeout
        self._changed = threading.Condition()
        self._meetings = {}
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(address)
        self._server.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection = Connection(self._server.accept()[0].detach())
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        key, rank, description, arrays = connection.recv()
        with self._changed:
            meeting = self._meetings.setdefault(key, _Meeting())
            meeting.parts[rank] = description, arrays
            self._changed.notify_all()
            complete = self._changed.wait_for(lambda: len(meeting.parts) == self._size,
                                              self._timeout)
            if complete and meeting.answers is None:
                meeting.answers = _answers(meeting.parts)
                del self._meetings[key]
            if complete and rank == 0:
                # Rank 0 may end with its last answer, and the hub with it.
                self._changed.wait_for(lambda: meeting.served == self._size - 1, self._timeout)
        missing = sorted(set(range(self._size)) - set(meeting.parts))
        connection.send(meeting.answers[rank] if complete else 'waited %g s for rank %s at %s' % (
            self._timeout, ', '.join(map(str, missing)), _brief(description)))
        with self._changed:
            meeting.served += 1
            self._changed.notify_all()


class _Meeting:
    """What each rank has brought to a call."""

    answers = None
    served = 0

    def __init__(self):
        self.parts = {}


def _answers(parts):
    """What each rank gets: its result, or a text that says what is wrong."""
    ranks = sorted(parts)
    descriptions = [parts[rank][0] for rank in ranks]
    arrays = [parts[rank][1] for rank in ranks]
    for rank, description in zip(ranks, descriptions):
        if description != descriptions[0]:
            fault = 'ranks differ: %s' % _difference(descriptions[0], rank, description)
            return [fault for _ in ranks]
    if isinstance(descriptions[0], list):
        return [True for _ in ranks]
    return _computed(descriptions[0], arrays)


def _computed(call, arrays):
    if call['type'] == 'HcomBroadcast':
        return [arrays[call['root_rank']]] * len(arrays)
    arrays = [array for array, in arrays]
    if call['type'] == 'HcomAllGather':
        return [[np.concatenate(arrays)]] * len(arrays)
    reduced = functools.reduce(REDUCTIONS[call['reduction']], arrays)
    if call['type'] == 'HcomReduceScatter':
        return [[part] for part in np.split(reduced, len(arrays))]
    return [[reduced]] * len(arrays)


def _difference(first, rank, other):
    if isinstance(first, dict):
        return 'rank 0 calls %s, rank %d calls %s' % (_brief(first), rank, _brief(other))
    for number, (ours, theirs) in enumerate(zip(first, other), 1):
        if ours != theirs:
            return 'call %d of a run is %s in rank 0 and %s in rank %d' % (
                number, _brief(ours), _brief(theirs), rank)
    return 'a run has %d calls in rank 0 and %d in rank %d' % (len(first), len(other), rank)


def _brief(description):
    if isinstance(description, list):
        return 'the start of a run with %d calls' % len(description)
    return '%(type)s %(name)s %(tensors)s' % description


def _address(rank):
    """Of a socket that has no file and no port, and is gone with its process."""
    if rank.table is None:
        place = 'process %d' % os.getpid()
    else:
        table = os.stat(rank.table)
        place = 'table %d %d %d' % (table.st_dev, table.st_ino, table.st_mtime_ns)
    return '\0npu-emulator-' + hashlib.md5(place.encode()).hexdigest()

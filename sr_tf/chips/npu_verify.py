"""Sees in a process' own output whether the plug-in compiled the network for the NPU."""
import os
import subprocess
import sys
import threading

from sr_tf.errors import UserError

COMPILED = b'The model has been compiled on the Ascend AI processor'


class Verification:
    """Make it before TensorFlow is imported, which then says what it otherwise keeps to itself.

    Until `finish`, standard output and error pass through `tee`, which copies them to a thread
    that looks for the plug-in's line.  A process of its own, because the plug-in may abort this
    one, and its last words must not be lost in a pipe.
    """

    def __init__(self):
        os.environ['TF_CPP_MIN_LOG_LEVEL'] = '0'
        self._seen = False
        copies, copy = os.pipe()
        self._passages = [_Passage(stream, copy) for stream in (sys.stdout, sys.stderr)]
        os.close(copy)
        self._reader = threading.Thread(target=self._search, args=(copies,), daemon=True)
        self._reader.start()

    def finish(self):
        """Lets the output go its own way again; fails if the line was not there."""
        for passage in self._passages:
            passage.end()
        self._reader.join()
        if not self._seen:
            raise UserError('--npu_verify: the plug-in never said "%s": the CPU may have done the '
                            'work, or the plug-in is of 2021 or older and does not say it'
                            % COMPILED.decode())

    def _search(self, descriptor):
        kept = b''
        with open(descriptor, 'rb', buffering=0) as copies:
            for piece in iter(lambda: copies.read(1 << 16), b''):
                self._seen = self._seen or COMPILED in kept + piece
                kept = (kept + piece)[-len(COMPILED):]


class _Passage:
    """A stream's way through `tee`."""

    def __init__(self, stream, copy):
        self._stream = stream
        stream.flush()
        self._number = stream.fileno()
        self._end = os.dup(self._number)
        # In a session of its own, and Python's ignored SIGPIPE kept: neither Ctrl-C nor our end
        # may keep it from passing on what is left.
        self._tee = subprocess.Popen(
            ['tee', '/dev/fd/%d' % copy], stdin=subprocess.PIPE, stdout=self._end,
            stderr=subprocess.DEVNULL, pass_fds=(copy,), restore_signals=False,
            start_new_session=True)
        os.dup2(self._tee.stdin.fileno(), self._number)
        self._tee.stdin.close()

    def end(self):
        self._stream.flush()
        os.dup2(self._end, self._number)
        os.close(self._end)
        self._tee.wait()

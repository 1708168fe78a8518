"""Keeps a copy of a run's folder in a store, from which the run goes on somewhere else.

Whoever reads the copy never sees half a checkpoint: its index, which makes it one, comes last.
"""
import contextlib
import os
import re
import shutil
import sys
import threading

from sr_tf.errors import UserError
from sr_tf.jobs import stores

_CHECKPOINT = re.compile(r'(.*model\.ckpt-(\d+))\.(index|meta|json|data-\d+-of-\d+)$')
_OWN_INDEX = re.compile(r'model\.ckpt-(\d+)\.index$')


class Mirror:
    """Of the local `folder` in `store`; one process alone may upload."""

    def __init__(self, folder, store, pauses=stores.PAUSES):
        self._folder = folder
        self._store = store
        self._pauses = pauses
        self._uploaded = None
        self._stop = threading.Event()

    def fetch(self):
        """Brings the folder to where the store is, unless it is as far."""
        there = stores.patiently(self._store.names, self._store.url, self._pauses)
        here = self._stamps()
        if not there or (here and _newest_step(here) >= _newest_step(there)):
            return
        fetched = self._folder + '.fetched'
        shutil.rmtree(fetched, ignore_errors=True)
        stores.fetch_all(self._store, fetched, self._pauses)
        # The newest index last: it says that the folder is as far.
        for name in sorted(stores.relative_files(fetched), key=_step_if_own_index):
            stores.move_file(os.path.join(fetched, name), os.path.join(self._folder, name))
        shutil.rmtree(fetched)

    @contextlib.contextmanager
    def in_background(self, seconds):
        """Within it, what is new is uploaded again and again, with so many seconds between."""
        thread = threading.Thread(target=self._push_often, args=(seconds,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def finish(self):
        """Uploads all that is left, or fails with the names of what could not be."""
        try:
            stores.patiently(self.push, 'uploading to %s' % self._store.url, self._pauses)
        except UserError as error:
            raise UserError('%s; missing there: %s; all files are in %s' % (
                error, stores.brief(sorted(self._pending())), self._folder)) from error

    def push(self):
        """Uploads, in one attempt, what has changed since the last."""
        if self._uploaded is None:
            self._uploaded = self._in_store_already()
        staging = self._folder + '.uploading'
        shutil.rmtree(staging, ignore_errors=True)
        # Copied before checkpoints are looked for, because the file `checkpoint` names them.
        others = self._stage(os.path.join(staging, 'others'), {
            name: stamp for name, stamp in self._pending().items() if not _prefix(name)})
        pending = self._pending()
        for prefix in sorted(set(filter(None, map(_prefix, pending))), key=_step):
            self._push_checkpoint(staging, prefix + '.index', {
                name: stamp for name, stamp in pending.items() if _prefix(name) == prefix})
        self._put(others)
        shutil.rmtree(staging, ignore_errors=True)

    def _push_checkpoint(self, staging, index, stamps):
        body = {name: stamp for name, stamp in stamps.items() if name != index}
        try:
            batches = [self._stage(os.path.join(staging, 'body'), body),
                       self._stage(os.path.join(staging, 'index'),
                                   {name: stamps[name] for name in set(stamps) - set(body)})]
        except FileNotFoundError:
            return  # training has removed it, see --save_max_keep
        for batch in batches:
            self._put(batch)

    def _push_often(self, seconds):
        pause, failures = seconds, 0
        while not self._stop.wait(pause):
            try:
                self.push()
                pause, failures = seconds, 0
            except Exception as error:  # whatever moxing and the network below it raise
                pause = self._pauses[min(failures, len(self._pauses) - 1)]
                failures += 1
                print('uploading to %s: %s; trying again in %g s'
                      % (self._store.url, error, pause), file=sys.stderr, flush=True)

    def _in_store_already(self):
        """Whole checkpoints, which do not change there; all but their JSON, which may here."""
        there = self._store.names()
        return {name: stamp for name, stamp in self._stamps().items()
                if name in there and '%s.index' % _prefix(name) in there
                and not name.endswith('.json')}

    def _pending(self):
        """Maps what is to be uploaded to its stamp."""
        # Listed first, so that in the second list checkpoints with an index are whole.
        whole = {_prefix(name) for name in self._stamps() if name.endswith('.index')} | {None}
        uploaded = self._uploaded or {}
        return {name: stamp for name, stamp in self._stamps().items()
                if uploaded.get(name) != stamp and _prefix(name) in whole}

    def _stamps(self):
        """Maps all files that are finished to what changes when they change."""
        stamps = {}
        for name in stores.relative_files(self._folder):
            if not name.endswith(('.tmp', '.lock')) and '.saving-' not in name:
                with contextlib.suppress(FileNotFoundError):
                    status = os.stat(os.path.join(self._folder, name))
                    stamps[name] = status.st_mtime_ns, status.st_size
        return stamps

    def _stage(self, folder, stamps):
        """Copies files, so that they stay as they are while they are uploaded."""
        for name in stamps:
            stores.copy_file(os.path.join(self._folder, name), os.path.join(folder, name))
        return folder, stamps

    def _put(self, batch):
        folder, stamps = batch
        if stamps:
            self._store.put(folder)
            stores.require_all(stamps, self._store.names().__contains__)
            self._uploaded.update(stamps)
            shutil.rmtree(folder)


def _prefix(name):
    """The checkpoint that a file belongs to, or None."""
    match = _CHECKPOINT.match(name)
    return match and match.group(1)


def _step(prefix):
    return int(prefix.rsplit('-', 1)[1])


def _step_if_own_index(name):
    match = _OWN_INDEX.match(name)
    return int(match.group(1)) if match else -1


def _newest_step(names):
    return max(map(_step_if_own_index, names), default=-1)

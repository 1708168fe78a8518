"""Folders elsewhere: in a bucket, which moxing reaches, or mounted into the file system."""
import os
import shutil
import sys
import time

from sr_tf.errors import UsageError, UserError
from sr_tf.paths import is_within, refuse_unlisted

PAUSES = (1, 2, 4, 8, 16, 32)
_UNFINISHED = '.uploading'


def open_store(flag, url):
    """The store that a flag names: obs://bucket/folder and the like, or a mounted folder."""
    if '://' not in url:
        return MountedFolder(url)
    try:
        import moxing
    except ImportError as error:
        raise UserError('--%s=%s: moxing, which reaches buckets, cannot be imported (%s); run this '
                        'on ModelArts or name a mounted folder' % (flag, url, error)) from error
    return Bucket(url, moxing.file)


def require_apart(run, url):
    """Of a run's folder and the mounted one that has its copy, none may lie in the other."""
    if '://' not in url and (is_within(run, url) or is_within(url, run)):
        raise UsageError('--train_url=%s: would be a copy of the run within itself (%s); name '
                         'another --train_path, or none' % (url, run))


class Bucket:
    """Its files appear whole or not at all, but in no certain order."""

    def __init__(self, url, files):
        self.url = url.rstrip('/')
        self._files = files

    def names(self):
        """The paths of all files there, relative to the URL."""
        if not self._files.exists(self.url):
            return set()
        listed = self._files.list_directory(self.url, recursive=True)
        return {name for name in listed if not name.endswith('/')}

    def fetch(self, folder):
        """Copies everything into a local folder."""
        self._files.copy_parallel(self.url, folder)

    def put(self, folder):
        """Copies everything in a local folder there."""
        if not self._files.exists(self.url):
            self._files.make_dirs(self.url)
        self._files.copy_parallel(folder, self.url)


class MountedFolder:
    """The same for a folder of the file system."""

    def __init__(self, url):
        self.url = url

    def names(self):
        return {name for name in relative_files(self.url)
                if not name.startswith(_UNFINISHED + os.sep)}

    def fetch(self, folder):
        for name in self.names():
            copy_file(os.path.join(self.url, name), os.path.join(folder, name))

    def put(self, folder):
        staging = os.path.join(self.url, _UNFINISHED)
        shutil.rmtree(staging, ignore_errors=True)
        for name in sorted(relative_files(folder)):
            copy_file(os.path.join(folder, name), os.path.join(staging, name))
            move_file(os.path.join(staging, name), os.path.join(self.url, name))
        shutil.rmtree(staging)


def fetch_all(store, folder, pauses=PAUSES):
    """Makes a local folder with all that is in the store; it has its name only when whole."""
    staging = folder + '.fetching'

    def attempt():
        shutil.rmtree(staging, ignore_errors=True)
        os.makedirs(staging)
        names = store.names()
        store.fetch(staging)
        require_all(names, lambda name: os.path.exists(os.path.join(staging, name)))

    patiently(attempt, 'copying %s' % store.url, pauses)
    os.replace(staging, folder)


def require_all(names, exists):
    """Fails unless all exist: moxing may only log that it left something out."""
    missing = sorted(name for name in names if not exists(name))
    if missing:
        raise UserError('%s did not arrive' % brief(missing))


def patiently(action, what, pauses=PAUSES):
    """Calls what may fail, if need be again after each of the pauses; returns its result."""
    for pause in pauses:
        try:
            return action()
        except Exception as error:  # whatever moxing and the network below it raise
            print('%s: %s; trying again in %g s' % (what, error, pause), file=sys.stderr,
                  flush=True)
            time.sleep(pause)
    try:
        return action()
    except Exception as error:
        raise UserError('%s: %s; given up after %d attempts'
                        % (what, error, len(pauses) + 1)) from error


def brief(names):
    return ', '.join(names[:5]) + (' and %d more' % (len(names) - 5) if len(names) > 5 else '')


def relative_files(folder):
    """The paths of all files below a folder, relative to it; none if there is no such folder."""
    return [os.path.normpath(os.path.join(os.path.relpath(parent, folder), name))
            for parent, _, names in os.walk(folder, onerror=refuse_unlisted) for name in names]


def copy_file(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)


def move_file(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.replace(source, target)

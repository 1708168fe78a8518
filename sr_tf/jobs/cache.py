"""A host's folder for what is far away."""
import contextlib
import fcntl
import hashlib
import os
import tempfile

from sr_tf.errors import UserError
from sr_tf.jobs import stores


class Cache:
    """The processes of a host share it. Its default is ModelArts' /cache, where there is one."""

    def __init__(self, path=None):
        self.path = path or ('/cache' if os.access('/cache', os.W_OK) else
                             os.path.join(tempfile.gettempdir(), 'sr-tf-modelarts'))

    @contextlib.contextmanager
    def locked(self):
        """Within it, the other processes of this host wait."""
        os.makedirs(self.path, exist_ok=True)
        with open(os.path.join(self.path, '.lock'), 'w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def place(self, kind, url):
        """The path for what belongs to this URL and no other."""
        return os.path.join(self.path, '%s-%s' % (kind,
                                                  hashlib.sha256(url.encode()).hexdigest()[:12]))

    def data(self, flag, url):
        """The local folder of a URL's files; one that is local already is used where it is."""
        if os.path.isdir(url):
            return url
        folder = self.place('data', url)
        if not os.path.isdir(folder):
            store = stores.open_store(flag, url)
            if not stores.patiently(store.names, store.url):
                raise UserError('--%s=%s: there is no such folder, or nothing in it' % (flag, url))
            stores.fetch_all(store, folder)
        return folder

"""A host's folder for what is far away."""
import hashlib
import os
import tempfile

from sr_tf.errors import UserError
from sr_tf.jobs import stores
from sr_tf.lock import locked


class Cache:
    """The processes of a host share it. Its default is ModelArts' /cache, where there is one."""

    def __init__(self, path=None):
        self.path = path or ('/cache' if os.access('/cache', os.W_OK) else
                             os.path.join(tempfile.gettempdir(),
                                          'sr-tf-modelarts-%d' % os.getuid()))

    def locked(self):
        """A context in which the other processes of this host wait."""
        os.makedirs(self.path, exist_ok=True)
        return locked(os.path.join(self.path, '.lock'))

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

"""The folder of a run."""
import contextlib
import os

from sr_tf import checkpoint
from sr_tf.errors import UserError
from sr_tf.lock import locked


@contextlib.contextmanager
def held(folder, start):
    """Within it the folder is there, no other process trains in it, and none has since `start`,
    a `Start`, was chosen.
    """
    taken = UserError('--train_path=%s: another process trains there; wait until it ends, or name '
                      'another folder' % folder)
    with contextlib.ExitStack() as lock:
        try:
            os.makedirs(folder, exist_ok=True)
            lock.enter_context(locked(os.path.join(folder, 'train.lock'), otherwise=taken))
            checkpoint.sweep(folder)
        except OSError as error:
            raise UserError('--train_path=%s: cannot be written: %s; name another folder'
                            % (folder, error.strerror)) from error
        if checkpoint.in_folder(folder)[-1:] != [start.prefix] * (start.kind == 'resume'):
            raise UserError('--train_path=%s: another process has just saved there; the same '
                            'command goes on from that' % folder)
        yield

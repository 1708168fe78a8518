"""What the weight files of other frameworks share: raw numbers, and content that is of no use."""
import contextlib

import numpy as np

from sr_tf.errors import UserError

MAX_RANK = 32  # NumPy 1 knows no more axes

_RAW_DTYPES = {kind: kind for kind in (
    'float16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64',
    'uint8', 'uint16', 'uint32', 'uint64')}
_RAW_DTYPES.update(bfloat16='uint16', bool='uint8')

_TEXT_BYTES = b'\t\n\f\r' + bytes(range(0x20, 0x100))


class Unreadable(Exception):
    """Why the content of a file cannot be used; `naming` puts the file's name in front."""


@contextlib.contextmanager
def naming(path):
    """Turns Unreadable into a UserError about `path`."""
    try:
        yield
    except Unreadable as error:
        raise UserError(f'{path}: {error}') from error


def damaged(detail):
    return Unreadable(f'truncated or damaged ({detail}); copy or download it again')


def read_bytes(path, count=-1):
    """The first `count` bytes of a file, or all of it."""
    try:
        with open(path, 'rb') as stream:
            return stream.read(count)
    except FileNotFoundError:
        raise UserError(f'{path}: no such file') from None
    except OSError as error:
        raise UserError(f'{path}: cannot be read: {error.strerror}') from error


def refuse_placeholder(head):
    """Unreadable where the first bytes of a file show that something stands in for the weights."""
    if not head:
        raise Unreadable('is empty; copy or download it again')
    if head.startswith(b'version https://git-lfs'):
        raise Unreadable('is a git-lfs pointer, not the weights; get them with "git lfs pull"')
    if not head.translate(None, _TEXT_BYTES):
        raise Unreadable('is a text file, not weights; download the file itself')


def is_known(kind):
    return kind in _RAW_DTYPES


def element_size(kind):
    return np.dtype(_RAW_DTYPES[kind]).itemsize


def elements(data, kind, count, byte_order='<'):
    """`count` numbers stored in `data`, in native byte order; bfloat16 becomes float32."""
    if len(data) != count * element_size(kind):
        raise damaged(f'{len(data)} bytes where {count} elements of {kind} should be')
    dtype = np.dtype(_RAW_DTYPES[kind]).newbyteorder(byte_order)
    raw = np.frombuffer(data, dtype) if count else np.empty(0, dtype)
    if kind == 'bfloat16':
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(kind)

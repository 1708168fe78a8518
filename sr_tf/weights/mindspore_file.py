"""MindSpore checkpoints (`.ckpt`) as NumPy arrays, without MindSpore.

The file is a protobuf message, a list of values: each has a name (1) and a tensor (2), the tensor
its dimensions (1), the name of its type (2) and its bytes (3).
"""
import binascii
from collections import OrderedDict, namedtuple

from sr_tf import protobuf
from sr_tf.weights import raw_file
from sr_tf.weights.raw_file import Unreadable, damaged

_HEAD_BYTES = 4096
_FIRST_FIELD = 1 << 3 | protobuf.LENGTH_DELIMITED
_SECOND_FIELD = 2 << 3 | protobuf.LENGTH_DELIMITED

_CHECKSUM_MARK = b'crc_num'
_CHECKSUM_BYTES = 10

# Notes of the training program, stored as if they were tensors.
_NOT_NUMBERS = ('str', 'random_op')

_Tensor = namedtuple('_Tensor', 'dims type content')


def looks_like(path):
    """Whether a file starts as a MindSpore checkpoint does, be it whole or truncated."""
    return _starts_like(raw_file.read_bytes(path, _HEAD_BYTES))


def read(path):
    """The tensors of a checkpoint by parameter name; a scalar has the shape ()."""
    data = raw_file.read_bytes(path)
    with raw_file.naming(path):
        raw_file.refuse_placeholder(data[:_HEAD_BYTES])
        if not _starts_like(data[:_HEAD_BYTES]):
            raise Unreadable('is not a MindSpore checkpoint, or an encrypted one; '
                             'give a file written by mindspore.save_checkpoint')
        arrays = _arrays(_without_checksum(data))
        if not arrays:
            raise Unreadable('holds no tensors; save the model again')
        return arrays


def _arrays(message):
    try:
        return OrderedDict((name, _array(name, pieces)) for name, pieces in _named_pieces(message)
                           if pieces[0].type not in _NOT_NUMBERS)
    except protobuf.Malformed as error:
        raise damaged(error) from error


def _starts_like(head):
    """A value whose first fields are a readable name and a tensor that fits into the value."""
    try:
        key, value_size, value_start = _key_and_size(head, 0)
        name_key, name_size, name_start = _key_and_size(head, value_start)
        name_end = name_start + name_size
        tensor_key, tensor_size, tensor_start = _key_and_size(head, name_end)
        return (key == name_key == _FIRST_FIELD and tensor_key == _SECOND_FIELD
                and _text(head[name_start:name_end]).isprintable()
                and tensor_start + tensor_size <= value_start + value_size)
    except (Unreadable, protobuf.Malformed):
        return False


def _key_and_size(data, position):
    key, position = protobuf.varint(data, position)
    size, position = protobuf.varint(data, position)
    return key, size, position


def _without_checksum(data):
    """MindSpore can append a CRC-32 of all that comes before it."""
    end = len(data) - _CHECKSUM_BYTES - len(_CHECKSUM_MARK)
    if data[max(end, 0):-_CHECKSUM_BYTES] != _CHECKSUM_MARK:
        return memoryview(data)
    message = memoryview(data)[:end]
    if binascii.crc32(message) != int.from_bytes(data[-_CHECKSUM_BYTES:], 'big'):
        raise damaged('wrong checksum')
    return message


def _named_pieces(message):
    """The pieces of each tensor: MindSpore splits large ones over several values."""
    pieces = OrderedDict()
    for number, value in protobuf.fields(message):
        if number == 1:
            name, tensor = _named_tensor(protobuf.as_bytes(value))
            pieces.setdefault(name, []).append(tensor)
    return pieces.items()


def _named_tensor(message):
    fields = dict(protobuf.fields(message))
    if 1 not in fields:
        raise damaged('a value without a name')
    name = _text(protobuf.as_bytes(fields[1]))
    if 2 not in fields:
        raise Unreadable(f'{name!r} is not a plain tensor; remove it and save the model again')
    return name, _tensor(protobuf.as_bytes(fields[2]))


def _tensor(message):
    dims = []
    others = {}
    for number, value in protobuf.fields(message):
        if number == 1:
            dims += [value] if isinstance(value, int) else protobuf.packed_varints(value)
        else:
            others[number] = value
    if 2 not in others or 3 not in others:
        raise damaged('a tensor without type or content')
    return _Tensor(dims, _text(protobuf.as_bytes(others[2])), protobuf.as_bytes(others[3]))


def _array(name, pieces):
    dims, type_name, _ = pieces[0]
    if any(piece.dims != dims or piece.type != type_name for piece in pieces):
        raise damaged(f'the pieces of {name!r} do not agree')
    kind = type_name.lower()
    if not raw_file.is_known(kind):
        raise Unreadable(f'{name!r} has the type {type_name!r}, which cannot be read; '
                         'convert it to Float32')
    content = b''.join(piece.content for piece in pieces)
    size = raw_file.element_size(kind)
    if dims == [0] and len(content) == size:
        dims = []  # how MindSpore writes a scalar
    elements = raw_file.elements(content, kind, len(content) // size)
    try:
        if len(dims) > raw_file.MAX_RANK:
            raise ValueError
        return elements.reshape(dims)
    except (ValueError, OverflowError):
        raise damaged(f'{name!r} has {len(elements)} elements of {type_name}, which does not match '
                      f'its dimensions {dims[:raw_file.MAX_RANK]}') from None


def _text(data):
    try:
        return str(data, 'utf-8')
    except UnicodeDecodeError:
        raise damaged('a name that is not text') from None

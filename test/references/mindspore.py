"""MindSpore checkpoints, written without MindSpore."""


def encoded(arrays):
    """The content of a checkpoint with float arrays by their names."""
    return b''.join(_field(1, _field(1, name.encode()) + _field(2, _tensor(array)))
                    for name, array in arrays.items())


def _tensor(array):
    dims = b''.join(_varint(1 << 3) + _varint(size) for size in array.shape)
    return dims + _field(2, array.dtype.name.capitalize().encode()) + _field(3, array.tobytes())


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number):
    groups = [number & 0x7f]
    while number > 0x7f:
        groups[-1] |= 0x80
        number >>= 7
        groups.append(number & 0x7f)
    return bytes(groups)

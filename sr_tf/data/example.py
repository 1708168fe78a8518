"""`tf.train.Example` messages with bytes and integers, without TensorFlow.

An Example holds (1) its Features, which hold a map of (1) entries, each a name (1) and a Feature
(2), which is a list of (1) bytes or (3) integers, whose values are (1).
"""
VARINT, EIGHT_BYTES, LENGTH_DELIMITED, FOUR_BYTES = 0, 1, 2, 5
BYTES_LIST, INT64_LIST = 1, 3


def encode(features):
    """The message for a dict of names to bytes or natural numbers."""
    return _field(1, b''.join(
        _field(1, _field(1, name.encode()) + _field(2, _feature(value)))
        for name, value in sorted(features.items())))


def decode(message):
    """The first value of each feature by name; ValueError if it is no Example."""
    features = {}
    for entry in _all(memoryview(message), 1, 1):
        name = str(_bytes(_first(entry, 1)), 'utf-8')
        for kind, values in _fields(_first(entry, 2)):
            if kind == BYTES_LIST:
                features[name] = _bytes(_first(values, 1))
            elif kind == INT64_LIST:
                value = _first(values, 1)
                features[name] = value if isinstance(value, int) else _varint(value, 0)[0]
    return features


def _feature(value):
    if isinstance(value, int):
        return _field(INT64_LIST, _field(1, _encoded_varint(value)))
    return _field(BYTES_LIST, _field(1, value))


def _field(number, content):
    return (_encoded_varint(number << 3 | LENGTH_DELIMITED) + _encoded_varint(len(content))
            + content)


def _encoded_varint(value):
    groups = bytearray()
    while value > 0x7f:
        groups.append(value & 0x7f | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _all(message, *path):
    """The content of all fields with the first number, in these of all with the next, ..."""
    found = [message]
    for wanted in path:
        found = [content for outer in found for number, content in _fields(outer)
                 if number == wanted]
    return found


def _first(message, number):
    found = _all(message, number)
    if not found:
        raise ValueError('field %d is missing' % number)
    return found[0]


def _bytes(content):
    if isinstance(content, int):
        raise ValueError('a number where bytes should be')
    return bytes(content)


def _fields(message):
    """(number, content) of each field; a content is an integer or bytes."""
    if isinstance(message, int):
        raise ValueError('a number where a message should be')
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire_type = key & 7
        if wire_type == VARINT:
            content, position = _varint(message, position)
        else:
            size, position = _size(message, position, wire_type)
            content = message[position:position + size]
            position += size
            if position > len(message):
                raise ValueError('it ends too soon')
        yield key >> 3, content


def _size(message, position, wire_type):
    if wire_type == LENGTH_DELIMITED:
        return _varint(message, position)
    if wire_type in (EIGHT_BYTES, FOUR_BYTES):
        return 8 if wire_type == EIGHT_BYTES else 4, position
    raise ValueError('wire type %d' % wire_type)


def _varint(message, position):
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        group = message[position]
        position += 1
        value |= (group & 0x7f) << shift
        if group < 0x80:
            return value, position
    raise ValueError('an integer does not end')

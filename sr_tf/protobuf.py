"""Protocol buffers field by field, without their library: a message is what a caller takes it for.

A message is a list of fields, each with a number and a content, which is an integer or bytes; the
bytes may hold another message.
"""
VARINT, EIGHT_BYTES, LENGTH_DELIMITED, FOUR_BYTES = 0, 1, 2, 5


class Malformed(ValueError):
    """What is wrong with bytes that should be a message."""


def fields(message):
    """Yields (number, content) of each field."""
    message = as_bytes(message)
    position = 0
    while position < len(message):
        key, position = varint(message, position)
        wire_type = key & 7
        if wire_type == VARINT:
            content, position = varint(message, position)
        else:
            size, position = _size(message, position, wire_type)
            content = message[position:position + size]
            position += size
            if position > len(message):
                raise Malformed('it ends too soon')
        yield key >> 3, content


def varint(data, position):
    """(value, where it ends) of an integer in 7-bit groups, the lowest first."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise Malformed('it ends too soon')
        group = data[position]
        position += 1
        value |= (group & 0x7f) << shift
        if group < 0x80:
            return value, position
    raise Malformed('an integer of more than 64 bits')


def packed_varints(data):
    """The integers of a repeated field that is packed into one."""
    values = []
    position = 0
    while position < len(data):
        value, position = varint(data, position)
        values.append(value)
    return values


def packed(values):
    """Natural numbers as the content of one field."""
    return b''.join(map(_encoded_varint, values))


def as_bytes(content):
    if isinstance(content, int):
        raise Malformed('an integer where bytes should be')
    return content


def encoded(number, content):
    """A field as bytes; its content is a natural number, text, or bytes."""
    if isinstance(content, int):
        return _encoded_varint(number << 3 | VARINT) + _encoded_varint(content)
    if isinstance(content, str):
        content = content.encode()
    return (_encoded_varint(number << 3 | LENGTH_DELIMITED) + _encoded_varint(len(content))
            + content)


def _size(message, position, wire_type):
    if wire_type == LENGTH_DELIMITED:
        return varint(message, position)
    if wire_type in (EIGHT_BYTES, FOUR_BYTES):
        return 8 if wire_type == EIGHT_BYTES else 4, position
    raise Malformed('unknown protobuf wire type %d' % wire_type)


def _encoded_varint(value):
    groups = bytearray()
    while value > 0x7f:
        groups.append(value & 0x7f | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)

"""`tf.train.Example` messages with bytes and integers, without TensorFlow.

An Example holds (1) its Features, which hold a map of (1) entries, each a name (1) and a Feature
(2), which is a list of (1) bytes or (3) integers, whose values are (1).
"""
from sr_tf import protobuf
from sr_tf.protobuf import encoded

BYTES_LIST, INT64_LIST = 1, 3


def encode(features):
    """The message for a dict of names to bytes or natural numbers."""
    return encoded(1, b''.join(encoded(1, encoded(1, name) + encoded(2, _feature(value)))
                               for name, value in sorted(features.items())))


def decode(message):
    """The first value of each feature by name; ValueError if it is no Example."""
    features = {}
    for entry in _all(memoryview(message), 1, 1):
        name = str(_bytes(_first(entry, 1)), 'utf-8')
        for kind, values in protobuf.fields(_first(entry, 2)):
            if kind == BYTES_LIST:
                features[name] = _bytes(_first(values, 1))
            elif kind == INT64_LIST:
                features[name] = _integer(_first(values, 1))
    return features


def _feature(value):
    if isinstance(value, int):
        # TensorFlow writes repeated integers packed.
        return encoded(INT64_LIST, encoded(1, protobuf.packed([value])))
    return encoded(BYTES_LIST, encoded(1, value))


def _all(message, *path):
    """The content of all fields with the first number, in these of all with the next, ..."""
    found = [message]
    for wanted in path:
        found = [content for outer in found for number, content in protobuf.fields(outer)
                 if number == wanted]
    return found


def _first(message, number):
    found = _all(message, number)
    if not found:
        raise ValueError('field %d is missing' % number)
    return found[0]


def _bytes(content):
    return bytes(protobuf.as_bytes(content))


def _integer(content):
    """A repeated integer is a field of its own, or packed with others."""
    return content if isinstance(content, int) else protobuf.varint(content, 0)[0]

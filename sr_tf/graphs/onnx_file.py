"""ONNX files, written and read without the library.

What is read is what is written here: the operators of our networks, and weights as raw bytes.
"""
from collections import namedtuple

import numpy as np

from sr_tf.errors import UserError
from sr_tf.protobuf import as_bytes, encoded, fields
from sr_tf.version import VERSION

Model = namedtuple('Model', 'nodes constants inputs outputs opset metadata')
Model.__doc__ = """A graph: its nodes in the order in which they run, arrays by the names of the
values that they are, and the values that it takes and gives; metadata is a dict of texts."""
Node = namedtuple('Node', 'operator inputs outputs attributes')
Value = namedtuple('Value', 'name dtype dims')
Value.__doc__ = """A tensor; a dimension that may be any is a text, its name."""

PRODUCER = 'sr-tf'
IR_VERSION = 7  # read by all runtimes since 2020
_TENSOR_TYPES = {1: np.float32, 2: np.uint8, 7: np.int64}
_TYPE_NUMBERS = {np.dtype(dtype): number for number, dtype in _TENSOR_TYPES.items()}
# The kind of an attribute, and the field of its value.
_INTEGER, _TEXT, _TENSOR, _INTEGERS = (2, 3), (3, 4), (4, 5), (7, 8)


def encode(model):
    """The bytes of the file."""
    graph = b''.join(
        [encoded(1, _encoded_node(node)) for node in model.nodes] + [encoded(2, PRODUCER)]
        + [encoded(5, _encoded_tensor(array, name)) for name, array in model.constants.items()]
        + [encoded(11, _encoded_value(value)) for value in model.inputs]
        + [encoded(12, _encoded_value(value)) for value in model.outputs])
    return b''.join(
        [encoded(1, IR_VERSION), encoded(2, PRODUCER), encoded(3, VERSION),
         encoded(7, graph), encoded(8, encoded(1, '') + encoded(2, model.opset))]
        + [encoded(14, encoded(1, key) + encoded(2, text))
           for key, text in sorted(model.metadata.items())])


def read(path):
    """The `Model` in a file that this program wrote."""
    try:
        with open(path, 'rb') as file:
            message = memoryview(file.read())
    except OSError as error:
        raise UserError('%s: cannot be read: %s' % (path, error.strerror)) from error
    try:
        if _text(_first(message, 2)) != PRODUCER:
            raise UserError('%s: another program wrote this ONNX file; give one that export.py '
                            'wrote' % path)
        return _decoded(message)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError('%s: not an ONNX file, or damaged: %s' % (path, error)) from error


def cut(model, inputs, outputs):
    """The part of a graph that computes some `Value`s from others, all of them in the graph."""
    given = {value.name for value in inputs}
    wanted = {value.name for value in outputs}
    nodes = []
    for node in reversed(model.nodes):
        if wanted.intersection(node.outputs) and not given.intersection(node.outputs):
            wanted.update(node.inputs)
            nodes.append(node)
    return model._replace(
        nodes=nodes[::-1], inputs=list(inputs), outputs=list(outputs),
        constants={name: array for name, array in model.constants.items() if name in wanted})


def _encoded_node(node):
    return b''.join([encoded(1, name) for name in node.inputs]
                    + [encoded(2, name) for name in node.outputs]
                    + [encoded(3, node.outputs[0]), encoded(4, node.operator)]
                    + [encoded(5, _encoded_attribute(name, value))
                       for name, value in sorted(node.attributes.items())])


def _encoded_attribute(name, value):
    if isinstance(value, np.ndarray):
        (kind, number), contents = _TENSOR, [_encoded_tensor(value)]
    elif isinstance(value, (list, tuple)):
        (kind, number), contents = _INTEGERS, [int(item) for item in value]
    else:
        kind, number = _INTEGER if isinstance(value, int) else _TEXT
        contents = [value]
    return (encoded(1, name) + b''.join(encoded(number, content) for content in contents)
            + encoded(20, kind))


def _encoded_tensor(array, name=''):
    dims = b''.join(encoded(1, size) for size in array.shape)
    return (dims + encoded(2, _TYPE_NUMBERS[array.dtype]) + encoded(8, name)
            + encoded(9, array.astype(array.dtype.newbyteorder('<')).tobytes()))


def _encoded_value(value):
    dims = b''.join(encoded(1, encoded(1 if isinstance(dim, int) else 2, dim))
                    for dim in value.dims)
    tensor = encoded(1, _TYPE_NUMBERS[np.dtype(value.dtype)]) + encoded(2, dims)
    return encoded(1, value.name) + encoded(2, encoded(1, tensor))


def _decoded(message):
    graph = _first(message, 7)
    return Model(
        nodes=[_decoded_node(node) for node in _every(graph, 1)],
        constants={_text(_first(tensor, 8)): _decoded_tensor(tensor)
                   for tensor in _every(graph, 5)},
        inputs=[_decoded_value(value) for value in _every(graph, 11)],
        outputs=[_decoded_value(value) for value in _every(graph, 12)],
        opset=_first(_first(message, 8), 2),
        metadata={_text(_first(entry, 1)): _text(_first(entry, 2))
                  for entry in _every(message, 14)})


def _decoded_node(message):
    return Node(_text(_first(message, 4)),
                [_text(name) for name in _every(message, 1)],
                [_text(name) for name in _every(message, 2)],
                dict(_decoded_attribute(attribute) for attribute in _every(message, 5)))


def _decoded_attribute(message):
    kind = _first(message, 20)
    contents = _every(message, dict([_INTEGER, _TEXT, _TENSOR, _INTEGERS])[kind])
    if kind == _INTEGERS[0]:
        value = contents
    else:
        decode = {_INTEGER[0]: int, _TEXT[0]: _text, _TENSOR[0]: _decoded_tensor}[kind]
        value = decode(contents[0])
    return _text(_first(message, 1)), value


def _decoded_tensor(message):
    dtype = np.dtype(_TENSOR_TYPES[_first(message, 2)])
    array = np.frombuffer(_first(message, 9), dtype.newbyteorder('<')).astype(dtype)
    return array.reshape(_every(message, 1))


def _decoded_value(message):
    tensor = _first(_first(message, 2), 1)
    dims = [_dim(dim) for dim in _every(_first(tensor, 2), 1)]
    return Value(_text(_first(message, 1)), _TENSOR_TYPES[_first(tensor, 1)], dims)


def _dim(message):
    number, content = next(iter(fields(message)))
    return content if number == 1 else _text(content)


def _text(content):
    return str(as_bytes(content), 'utf-8')


def _first(message, number):
    for found, content in fields(message):
        if found == number:
            return content
    raise ValueError('field %d is missing' % number)


def _every(message, number):
    return [content for found, content in fields(message) if found == number]

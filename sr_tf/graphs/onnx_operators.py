"""From TensorFlow's operations to ONNX's operators.

Pictures are `[N, C, H, W]` in ONNX: they are transposed where they enter and leave the graph, and
everything between speaks of other axes.  A tensor of four axes is a picture.
"""
from collections import Counter

import numpy as np

from sr_tf.compat import tf
from sr_tf.errors import UserError
from sr_tf.graphs.exported import FROM_ONNX, TO_ONNX
from sr_tf.graphs.onnx_file import Model, Node, Value

AXES = [TO_ONNX.index(axis) for axis in range(4)]  # where an axis of TensorFlow's has gone

SAME_NAME = {
    'Add': 'Add', 'AddV2': 'Add', 'Sub': 'Sub', 'Mul': 'Mul', 'RealDiv': 'Div',
    'Maximum': 'Max', 'Minimum': 'Min', 'Relu': 'Relu', 'Sigmoid': 'Sigmoid',
    'Floor': 'Floor', 'Round': 'Round', 'Rint': 'Round',
}


def convert(definition, given, wanted, opset):
    """The `Model` of a frozen graph, and what it calls the tensors of the graph, by their names.

    given, wanted: map the operations that are its inputs and outputs to their names in ONNX.
    """
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name='')
    converter = _Converter(opset, graph)
    for operation, name in given.items():
        converter.begin(graph.get_tensor_by_name(operation + ':0'), name)
    for operation in graph.get_operations():
        converter.convert(operation)
    for operation, name in wanted.items():
        converter.end(graph.get_tensor_by_name(operation + ':0'), name)
    return (Model(converter.nodes, converter.constants, converter.inputs, converter.outputs, opset,
                  {}), converter.names)


class _Converter:
    def __init__(self, opset, graph):
        self._opset = opset
        self._uses = Counter(tensor.name for operation in graph.get_operations()
                             for tensor in operation.inputs)
        self.nodes, self.constants, self.inputs, self.outputs = [], {}, [], []
        self.names = {}

    def begin(self, tensor, name):
        self.inputs.append(_value(tensor, name, ('batch', 'height', 'width')))
        self._make('Transpose', [name], tensor, perm=TO_ONNX)

    def end(self, tensor, name):
        # The dimensions have names of their own: the picture is larger than what came in.
        self.outputs.append(
            _value(tensor, name, ('batch', 'enlarged_height', 'enlarged_width')))
        self.nodes.append(Node('Transpose', [self.names[tensor.name]], [name],
                               {'perm': FROM_ONNX}))

    def convert(self, operation):
        if operation.type in ('Const', 'Placeholder'):
            return
        if operation.type in SAME_NAME:
            self._make(SAME_NAME[operation.type], map(self._operand, operation.inputs),
                       operation.outputs[0])
            return
        method = getattr(self, '_convert_' + operation.type, None)
        if method is None:
            raise UserError('--format=onnx: TensorFlow\'s operation %s has no counterpart in '
                            'sr_tf/graphs/onnx_operators.py; add it there' % operation.type)
        method(operation, *operation.inputs)

    def _convert_Identity(self, operation, tensor):
        self.names[operation.outputs[0].name] = self._name(tensor)

    def _convert_Conv2D(self, operation, tensor, kernel):
        height, width = kernel.shape.as_list()[:2]
        strides = operation.get_attr('strides')
        pads = [0, 0, 0, 0]
        if operation.get_attr('padding') == b'SAME':
            pads = [height // 2, width // 2, (height - 1) // 2, (width - 1) // 2]
            _require(height % 2 and width % 2 and set(strides) == {1}, operation)
        weights = self._constant(kernel, _array(kernel).transpose(3, 2, 0, 1))
        self._make('Conv', [self._name(tensor), weights], operation.outputs[0],
                   kernel_shape=[height, width], pads=pads, strides=strides[1:3])

    def _convert_BiasAdd(self, operation, tensor, bias):
        convolution = self.nodes[-1]
        if (convolution.operator == 'Conv' and convolution.outputs == [self._name(tensor)]
                and self._uses[tensor.name] == 1):
            del self.nodes[-1]
            self._make('Conv', convolution.inputs + [self._constant(bias, _array(bias))],
                       operation.outputs[0], **convolution.attributes)
        else:
            self._make('Add', [self._name(tensor), self._operand(bias)], operation.outputs[0])

    def _convert_DepthToSpace(self, operation, tensor):
        self._make('DepthToSpace', [self._name(tensor)], operation.outputs[0],
                   blocksize=operation.get_attr('block_size'), mode='DCR')

    def _convert_ConcatV2(self, operation, *tensors):
        axis = _axis(tensors[0], _array(tensors[-1]))
        self._make('Concat', map(self._name, tensors[:-1]), operation.outputs[0], axis=axis)

    def _convert_Split(self, operation, axis, tensor):
        outputs = operation.outputs
        self._split(outputs, tensor, [outputs[0].shape.as_list()[-1]] * len(outputs), axis)

    def _convert_SplitV(self, operation, tensor, sizes, axis):
        self._split(operation.outputs, tensor, _array(sizes).tolist(), axis)

    def _split(self, outputs, tensor, sizes, axis):
        axis = _axis(tensor, _array(axis))
        if self._opset < 13:
            self._make('Split', [self._name(tensor)], *outputs, axis=axis, split=sizes)
        else:
            self._make('Split', [self._name(tensor), self._integers(sizes)], *outputs, axis=axis)

    def _convert_Mean(self, operation, tensor, axes):
        _require(sorted(_array(axes).tolist()) == [1, 2] and operation.get_attr('keep_dims'),
                 operation)
        self._make('GlobalAveragePool', [self._name(tensor)], operation.outputs[0])

    def _convert_Cast(self, operation, tensor):
        numbers = {tf.float32: 1, tf.uint8: 2}
        self._make('Cast', [self._name(tensor)], operation.outputs[0],
                   to=numbers[operation.outputs[0].dtype])

    def _convert_MirrorPad(self, operation, tensor, paddings):
        paddings = _array(paddings)
        # With one pixel to mirror, mirroring is repeating the edge.
        _require(operation.get_attr('mode') == b'SYMMETRIC' and paddings.max() <= 1, operation)
        pads = self._integers(paddings[list(TO_ONNX)].T.reshape(-1))
        self._make('Pad', [self._name(tensor), pads], operation.outputs[0], mode='edge')

    def _convert_StridedSlice(self, operation, tensor, begin, end, strides):
        begin, end, strides = map(_array, (begin, end, strides))
        masks = {name: operation.get_attr(name + '_mask')
                 for name in ('begin', 'end', 'ellipsis', 'new_axis', 'shrink_axis')}
        _require(not masks['new_axis'] and not masks['shrink_axis'], operation)
        rank, position = tensor.shape.ndims, 0
        axes, starts, ends = [], [], []
        for index in range(len(begin)):
            if masks['ellipsis'] >> index & 1:
                position += rank - len(begin) + 1
                continue
            axes.append(_axis(tensor, position))
            starts.append(0 if masks['begin'] >> index & 1 else begin[index])
            ends.append(np.iinfo(np.int64).max if masks['end'] >> index & 1 else end[index])
            position += 1
        _require((strides == 1).all(), operation)
        self._make('Slice', [self._name(tensor)] + list(map(self._integers, (starts, ends, axes))),
                   operation.outputs[0])

    def _convert_Shape(self, operation, tensor):
        shape = operation.outputs[0].name + '/onnx'
        self.nodes.append(Node('Shape', [self._name(tensor)], [shape], {}))
        self._make('Gather', [shape, self._integers(FROM_ONNX)], operation.outputs[0])

    def _convert_Fill(self, operation, dims, value):
        shape = operation.outputs[0].name + '/shape'
        self.nodes.append(Node('Gather', [self._name(dims), self._integers(TO_ONNX)], [shape], {}))
        self._make('ConstantOfShape', [shape], operation.outputs[0],
                   value=_array(value).reshape(1))

    def _make(self, operator, inputs, *outputs, **attributes):
        for tensor in outputs:
            self.names[tensor.name] = tensor.name.replace(':0', '')
        self.nodes.append(Node(operator, list(inputs),
                               [self.names[tensor.name] for tensor in outputs], attributes))

    def _operand(self, tensor):
        """The name of what is broadcast with a picture."""
        if tensor.op.type != 'Const':
            return self._name(tensor)
        array = _array(tensor)
        return self._constant(tensor, array.reshape(-1, 1, 1) if array.ndim == 1 else array)

    def _name(self, tensor):
        if tensor.name in self.names:
            return self.names[tensor.name]
        return self._constant(tensor, _array(tensor).astype(np.int64))

    def _constant(self, tensor, array):
        name = tensor.name.replace(':0', '')
        self.constants[name] = np.ascontiguousarray(array)
        return name

    def _integers(self, values):
        array = np.array(values, np.int64)
        name = 'integers_' + '_'.join(map(str, array))
        self.constants[name] = array
        return name


def _value(tensor, name, dims):
    return Value(name, tensor.dtype.as_numpy_dtype, list(dims) + tensor.shape.as_list()[3:])


def _array(tensor):
    return tf.make_ndarray(tensor.op.get_attr('value'))


def _axis(tensor, axis):
    rank = tensor.shape.ndims
    axis = int(axis) % rank
    return AXES[axis] if rank == 4 else axis


def _require(condition, operation):
    if not condition:
        raise UserError('--format=onnx: %s is used in a way that sr_tf/graphs/onnx_operators.py '
                        'does not know' % operation.name)

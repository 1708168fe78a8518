"""How large a network is, counted from its graph."""
from sr_tf.compat import tf


def parameters(model):
    """How many numbers training adjusts, for all scales of the model together."""
    with tf.Graph().as_default():
        for scale in model.scales:
            _build(model, scale, 8, 8)
        return sum(variable.shape.num_elements() for variable in model.variables())


def multiply_adds(model, scale, height, width):
    """How many multiplications, each with an addition, the convolutions for one picture take."""
    with tf.Graph().as_default() as graph:
        _build(model, scale, height, width)
        return sum(_of_convolution(operation) for operation in graph.get_operations()
                   if operation.type == 'Conv2D')


def _build(model, scale, height, width):
    size = scale if model.input_is_enlarged else 1
    model.network(tf.zeros([1, height * size, width * size, model.channels]), scale)


def _of_convolution(operation):
    kernel, result = operation.inputs[1].shape.as_list(), operation.outputs[0].shape
    return result.num_elements() * kernel[0] * kernel[1] * kernel[2]

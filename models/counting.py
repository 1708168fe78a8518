"""How large a network is, counted from its graph."""
import numpy as np

from models import weights
from sr_tf.compat import tf


def parameters(model):
    """How many numbers training adjusts, for all scales of the model together."""
    return int(sum(np.prod(shape, dtype=np.int64) for shape in weights.shapes(model).values()))


def multiply_adds(model, scale, height, width):
    """How many multiplications, each with an addition, the convolutions for one picture take."""
    with tf.Graph().as_default() as graph:
        size = scale if model.input_is_enlarged else 1
        model.network(tf.zeros([1, height * size, width * size, model.channels]), scale)
        return sum(_of_convolution(operation) for operation in graph.get_operations()
                   if operation.type == 'Conv2D')


def _of_convolution(operation):
    kernel, result = operation.inputs[1].shape.as_list(), operation.outputs[0].shape
    return result.num_elements() * kernel[0] * kernel[1] * kernel[2]

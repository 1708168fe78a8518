"""A model's weights as few long vectors."""
from collections import OrderedDict

import numpy as np

from models import weights
from sr_tf.compat import tf


class Vector:
    """A variable that holds weights end to end.

    A deep network has a thousand weights.  As variables of their own, each with those of its
    optimizer, they take longer to build into a graph than the network itself, and are changed and
    averaged one by one.

    shapes: maps the names of the weights to their shapes, in their order.
    """

    def __init__(self, name, shapes):
        self.name = name
        self.shapes = OrderedDict(shapes)
        self._sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        self.variable = tf.get_variable(name, [sum(self._sizes)], tf.float32,
                                        tf.zeros_initializer(), trainable=False)
        self.tensors = self.split(self.variable)

    def split(self, vector):
        """Maps the names of the weights to their parts of a tensor of this variable's shape."""
        parts = tf.split(vector, self._sizes)
        return OrderedDict((name, tf.reshape(part, shape))
                           for part, (name, shape) in zip(parts, self.shapes.items()))

    def join(self, tensors):
        """A tensor of this variable's shape; what is None counts as zeros."""
        return tf.concat([tf.zeros([size]) if tensor is None else tf.reshape(tensor, [-1])
                          for tensor, size in zip(tensors, self._sizes)], 0)


class Weights:
    """A model's weights in vectors: one for all weights that the same scales share.

    So a step at one scale changes whole vectors, and leaves those of other scales alone.
    """

    def __init__(self, model):
        self._declared = OrderedDict()
        scales_of = OrderedDict()
        for scale in model.scales:
            for name, weight in weights.declared(model, scale).items():
                self._declared[name] = weight
                scales_of.setdefault(name, []).append(scale)
        names_of = OrderedDict()
        for name, scales in scales_of.items():
            names_of.setdefault(tuple(scales), []).append(name)
        self._vectors = OrderedDict(
            (scales, Vector('weights_%d' % number,
                            [(name, self._declared[name].shape) for name in names]))
            for number, (scales, names) in enumerate(names_of.items()))

    def vectors(self, scale=None):
        """Those that a network of this scale computes with, or all."""
        return [vector for scales, vector in self._vectors.items() if scale in (None,) + scales]

    def tensors(self, scale):
        """Maps the names of the weights of a network of this scale to their values."""
        return {name: tensor for vector in self.vectors(scale)
                for name, tensor in vector.tensors.items()}

    def initial_values(self, seed):
        """Maps their names to the arrays that a run of this seed starts from."""
        return weights.initial_values(self._declared, seed)

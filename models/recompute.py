"""Less memory for more time: what is inside of a block is computed again for its gradient."""
from models.notes import note, noted
from sr_tf.compat import tf


def recomputing():
    """A context in which one network that is built within `weights.taken_from` keeps less."""
    return noted('recomputing', _Turns())


def block(function, *tensors):
    """`function(*tensors)`, one tensor or a tuple, made of these tensors and of weights alone.

    Where memory is short, what the function computes in between is not kept for the gradient.
    """
    turns = note('recomputing')
    if not turns:
        return function(*tensors)
    call = _Call(function)
    names = call.weights(tensors)
    taken = note('weights')

    @tf.custom_gradient
    def computed(*inputs):
        def gradient(*changes):
            # Not before its gradient is asked for, and not beside other blocks: either would take
            # the memory that was to be saved.
            with tf.control_dependencies(list(changes) + turns.last):
                again = [tf.identity(tensor) for tensor in inputs]
            turns.last = tf.gradients(call(again, names), again, changes)
            return turns.last

        return call(inputs, names), gradient

    return computed(*tensors, *[taken(None, name) for name in names])


class _Turns:
    """Holds the gradients of the block that was the last to be computed again."""

    def __init__(self):
        self.last = []


class _Call:
    """A function that can be called anywhere as if it were here, in this scope and context."""

    def __init__(self, function):
        self._function = function
        self._scope = tf.get_variable_scope()
        self._full_precision = note('full precision')

    def weights(self, tensors):
        """The names of the weights that the function reads."""
        names = []

        def declare(getter, name, shape, **_):
            names.append(name)
            return tf.zeros(shape)

        with tf.Graph().as_default():
            self._result([tf.zeros(tensor.shape) for tensor in tensors], declare)
        return names

    def __call__(self, inputs, names):
        """The result, for the function's arguments and then its weights of these names."""
        first = len(inputs) - len(names)
        weights = dict(zip(names, inputs[first:]))
        return self._result(inputs[:first], lambda getter, name, **_: weights[name])

    def _result(self, tensors, getter):
        with noted('full precision', self._full_precision), \
                tf.variable_scope(self._scope, custom_getter=getter):
            return self._function(*tensors)

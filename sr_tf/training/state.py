"""Everything that training changes, by the names that checkpoints have for it."""
from collections import namedtuple

import numpy as np

from sr_tf.checkpoint import EMA_SUFFIX, is_weight
from sr_tf.compat import tf


class State:
    """All variables of the default graph in which a train step was built from `Vector`s."""

    def __init__(self, vectors):
        shapes = {vector.name: vector.shapes for vector in vectors}
        self._stored = [_Stored(variable, *_parts(variable, shapes))
                        for variable in tf.global_variables()]
        self.shapes = {name: shape for stored in self._stored
                       for name, shape in zip(stored.names, stored.shapes)}

    def read(self, session):
        """Maps the names to arrays."""
        arrays = session.run([stored.variable for stored in self._stored])
        return {name: part for stored, array in zip(self._stored, arrays)
                for name, part in stored.named(array)}

    def assign(self, session, values):
        """Gives what has these names these values, and leaves everything else as it is.

        In one run, which an NPU compiles once.
        """
        values = dict(self.read(session), **values)
        session.run([stored.variable.initializer for stored in self._stored],
                    {stored.variable.initializer.inputs[1]: stored.joined(values)
                     for stored in self._stored})

    def averaged_weights(self, session):
        """Maps the name of each weight to its average where one is kept, else to itself."""
        values = self.read(session)
        return {name: values.get(name + EMA_SUFFIX, value)
                for name, value in values.items() if is_weight(name)}


class _Stored(namedtuple('_Stored', 'variable names shapes')):
    """A variable and the names and shapes of its parts, which checkpoints have instead."""

    def named(self, array):
        ends = np.cumsum([np.prod(shape, dtype=np.int64) for shape in self.shapes])
        parts = np.split(np.ravel(array), ends[:-1])
        return zip(self.names, map(np.reshape, parts, self.shapes))

    def joined(self, values):
        parts = [np.ravel(values[name]) for name in self.names]
        return np.reshape(np.concatenate(parts), self.variable.shape.as_list())


def _parts(variable, vectors):
    """The names and shapes of a vector's weights, or of what is beside a vector, or of neither."""
    vector, slash, suffix = variable.op.name.partition('/')
    if vector not in vectors:
        return [variable.op.name], [tuple(variable.shape.as_list())]
    return [name + slash + suffix for name in vectors[vector]], list(vectors[vector].values())

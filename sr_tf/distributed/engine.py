"""What training asks of an engine, and the engine of a process that is alone."""
from sr_tf.compat import tf


class Engine:
    """Makes one model out of several processes' work.

    All processes build the same graph and run the same steps of it, so they make the same calls in
    the same order.  A subclass gives `sum` and `broadcast`.
    """

    rank = 0
    size = 1

    @property
    def is_chief(self):
        """Whether this process writes the files that the job leaves behind."""
        return self.rank == 0

    def session(self, chip, graph):
        return chip.session(graph)

    def sum(self, vector):
        """The sum over all processes of a float32 vector."""
        return vector

    def broadcast(self, variables):
        """An operation that gives variables the values that they have in rank 0."""
        return tf.no_op()

    def average(self, tensors):
        """The mean over all processes of each of the float32 tensors, in one message."""
        if self.size == 1:
            return tensors
        flat = self.joined([tf.reshape(tensor, [-1]) for tensor in tensors])
        sizes = [tensor.shape.num_elements() for tensor in tensors]
        parts = tf.split(self.sum(flat) / self.size, sizes)
        return [tf.reshape(part, tensor.shape) for part, tensor in zip(parts, tensors)]

    def joined(self, vectors):
        """One float32 vector of several."""
        return tf.concat(vectors, 0)

    def close(self):
        """Leaves the others; they go on or have ended as well."""

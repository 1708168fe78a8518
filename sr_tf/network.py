"""What an `Upscaler` computes with: a model's graph in a session of TensorFlow, or another engine.
"""
import numpy as np

from models import layers
from models.padding import padded
from sr_tf import checkpoint, tiles
from sr_tf.chips import memory
from sr_tf.compat import tf


class Network:
    """Computes batches, float32 `[N, H, W, C]` of any size in the model's own space.

    largest_side: of the batches that it is well suited for; None if there is no such limit.
    """

    largest_side = None

    def images(self, batch, scale):
        """The pictures that the outputs make together, `[N, h, w, C]`."""
        raise NotImplementedError

    def outputs(self, batch, scale):
        """The list of the model's outputs, each `[N, h, w, C]`."""
        raise NotImplementedError

    def memory(self, most):
        """How many bytes a batch may take while it is computed; `most` of the machine's."""
        return min(memory.available() // 2, most)

    def close(self):
        """Frees what it holds; it computes nothing more."""


class GraphNetwork(Network):
    """Computes with TensorFlow on a chip, and with weights that `restore` or `assign` gives it."""

    def __init__(self, model, chip):
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._mask = None
            if chip.compiles_each_shape:
                self._mask = tf.placeholder(tf.float32, [None, None, None, 1], 'mask')
                self.largest_side = 8 * tiles.LEAST_SIDE
            self._inputs, self._outputs, self._images = {}, {}, {}
            for scale in model.scales:
                self._build(model, scale, chip)
            self._variables = model.variables()
        self._graph.finalize()
        self._session = chip.sparing_session(self._graph)
        self._own_memory = chip.memory(self._session)

    def restore(self, prefix):
        """Takes the weights of a checkpoint of the same model; averaged ones if it has them."""
        self.assign(checkpoint.read_weights(prefix, self._variables))

    def assign(self, weights):
        """Takes weights from a mapping of their names to arrays."""
        checkpoint.assign(self._session, self._variables, weights)

    def images(self, batch, scale):
        return self._run(self._images[scale], batch, scale)[0]

    def outputs(self, batch, scale):
        return self._run(self._outputs[scale], batch, scale)

    def memory(self, most):
        return super().memory(most) if self._own_memory is None else self._own_memory // 2

    def close(self):
        self._session.close()

    def _build(self, model, scale, chip):
        size = [None, None, None, model.channels]
        inputs = tf.placeholder(tf.float32, size, 'input_x%d' % scale)
        way = layers.sparing_memory() if self._mask is None else padded(inputs, self._mask)
        with way, layers.keeping_precision(chip.full_precision):
            self._outputs[scale] = model.network(inputs, scale)
        with chip.full_precision():
            self._images[scale] = [model.image(self._outputs[scale])]
        self._inputs[scale] = inputs

    def _run(self, fetches, batch, scale):
        if self._mask is None:
            return self._session.run(fetches, {self._inputs[scale]: batch})
        # One by one: another number of pictures would be another shape, too.
        results = [self._run_padded(fetches, picture, scale) for picture in batch]
        return [np.stack(pictures) for pictures in zip(*results)]

    def _run_padded(self, fetches, picture, scale):
        """For each of the fetches a picture, by way of one that has a common size."""
        height, width, channels = picture.shape
        shape = tiles.bucket(height, width)
        inputs, mask = (np.zeros((1,) + shape + (depth,), np.float32) for depth in (channels, 1))
        inputs[0, :height, :width] = picture
        mask[0, :height, :width] = 1
        results = self._session.run(fetches, {self._inputs[scale]: inputs, self._mask: mask})
        enlargement = results[0].shape[1] // shape[0]
        return [result[0, :height * enlargement, :width * enlargement] for result in results]

"""What an `Upscaler` computes with: a model's graph in a session of TensorFlow, or another engine.
"""
from models import layers
from sr_tf import checkpoint
from sr_tf.chips import memory
from sr_tf.compat import tf


class Network:
    """Computes batches, float32 `[N, H, W, C]` of any size in the model's own space."""

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
        with self._graph.as_default(), layers.sparing_memory():
            self._inputs, self._outputs, self._images = {}, {}, {}
            for scale in model.scales:
                self._build(model, scale)
            self._variables = model.variables()
        self._graph.finalize()
        self._session = chip.sparing_session(self._graph)

    def restore(self, prefix):
        """Takes the weights of a checkpoint of the same model; averaged ones if it has them."""
        shapes = checkpoint.read_shapes(prefix)
        weights = {name: shape for name, shape in shapes.items() if checkpoint.is_weight(name)}
        checkpoint.require_fit(prefix, weights, self._variables)
        averages = {name: name + checkpoint.EMA_SUFFIX for name in weights}
        sources = {name: average if average in shapes else name
                   for name, average in averages.items()}
        values = checkpoint.read_values(prefix, sources.values())
        self.assign({name: values[source] for name, source in sources.items()})

    def assign(self, weights):
        """Takes weights from a mapping of their names to arrays."""
        checkpoint.assign(self._session, self._variables, weights)

    def images(self, batch, scale):
        return self._session.run(self._images[scale], {self._inputs[scale]: batch})

    def outputs(self, batch, scale):
        return self._session.run(self._outputs[scale], {self._inputs[scale]: batch})

    def memory(self, most):
        of_gpus = [device.memory_limit_bytes for device in self._session.list_devices()
                   if device.device_type == 'GPU']
        return min(of_gpus) // 2 if of_gpus else super().memory(most)

    def close(self):
        self._session.close()

    def _build(self, model, scale):
        size = [None, None, None, model.channels]
        self._inputs[scale] = tf.placeholder(tf.float32, size, 'input_x%d' % scale)
        self._outputs[scale] = model.network(self._inputs[scale], scale)
        self._images[scale] = model.image(self._outputs[scale])

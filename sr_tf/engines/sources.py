"""Where a network comes from: a checkpoint, or an ONNX file that was made of one.

A source has a `name` for messages, the `model`, the `engines` that can compute it, and opens a
network in one of them.  `proof(enlarge)` is the picture that `enlarge(network)` should give.
"""
from sr_tf.chips.session import Chip
from sr_tf.engines.onnx_network import OnnxNetwork
from sr_tf.engines.runtimes import RUNTIMES
from sr_tf.errors import UsageError
from sr_tf.graphs import trained
from sr_tf.graphs.exported import ExportedFile
from sr_tf.network import GraphNetwork


class CheckpointSource:
    engines = ('tf',) + tuple(RUNTIMES)
    usual_engine = 'tf'

    def __init__(self, prefix, model):
        self.name = prefix
        self.model = model

    def open(self, engine, chip):
        if engine != 'tf':
            return OnnxNetwork(engine, chip, self._picture_graph, self._outputs_graph)
        network = GraphNetwork(self.model, chip)
        network.restore(self.name)
        return network

    def proof(self, enlarge):
        return enlarge(self.open('tf', Chip('cpu', 'fp32')))

    def _picture_graph(self, scale):
        return trained.onnx_graph(self.name, self.model, scale, 'bare')[0]

    def _outputs_graph(self, scale):
        return trained.onnx_outputs(self.name, self.model, scale)


class FileSource:
    engines = tuple(RUNTIMES)
    usual_engine = 'auto'

    def __init__(self, path):
        self._file = ExportedFile(path)
        self.name = path
        self.model = self._file.model

    def open(self, engine, chip):
        if engine == 'tf':
            raise UsageError('--engine=tf: %s is not for TensorFlow; use %s or auto'
                             % (self.name, ', '.join(self.engines)))
        return OnnxNetwork(engine, chip, self._picture_graph, self._outputs_graph)

    def proof(self, enlarge):
        return self._file.proof

    def _picture_graph(self, scale):
        return self._file.network()

    def _outputs_graph(self, scale):
        if self.model.combines_outputs:
            raise UsageError('%s: has the outputs of %s only combined into one; give the '
                             'checkpoint' % (self.name, self.model.name()))
        return self._file.network()

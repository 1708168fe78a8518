"""A network that another program than TensorFlow computes."""
import threading

import numpy as np

from sr_tf.engines.runtimes import RUNTIMES, imported
from sr_tf.errors import UsageError
from sr_tf.graphs import onnx_file
from sr_tf.network import Network


class OnnxNetwork(Network):
    """Computes on the CPU, with one of the `RUNTIMES`.

    picture_graph, outputs_graph: functions of a scale that give the ONNX `Model` of the combined
        picture, and that of each output.
    """

    def __init__(self, runtime, chip, picture_graph, outputs_graph):
        if chip.kind != 'cpu':
            raise UsageError('--engine=%s: computes on the CPU, and --chip is %s; add --chip=cpu'
                             % (runtime, chip.kind))
        imported(runtime)
        self._open = RUNTIMES[runtime]
        self._bfloat16 = chip.precision == 'mixed'
        self._graphs = picture_graph, outputs_graph
        self._running = {}
        self._lock = threading.Lock()

    def images(self, batch, scale):
        return self._run(0, batch, scale)[0]

    def outputs(self, batch, scale):
        return self._run(1, batch, scale)

    def close(self):
        self._running.clear()

    def _run(self, graph, batch, scale):
        with self._lock:
            if (graph, scale) not in self._running:
                message = onnx_file.encode(self._graphs[graph](scale))
                self._running[graph, scale] = self._open(message, self._bfloat16)
        return self._running[graph, scale](np.ascontiguousarray(batch, np.float32))

"""Our ONNX files: what they are called inside, and what they say of themselves."""
import base64
import json

import numpy as np

import models
from sr_tf.errors import UserError
from sr_tf.graphs import onnx_file, probe
from sr_tf.graphs.onnx_file import Node, Value
from sr_tf.version import versions

INPUT, OUTPUT = 'image', 'enlarged'
PROOF_SIZE = (12, 12)
TO_ONNX, FROM_ONNX = (0, 3, 1, 2), (0, 2, 3, 1)  # where the axes of a batch go
_DIMS = ('batch', 'height', 'width', 'channels')


def described(graph, model, scale, pixels, inner, proof):
    """An ONNX `Model` that says what it is.

    inner: what the network's own input and picture are called in the graph.
    proof: the RGB picture that the network makes of `probe.picture(*PROOF_SIZE)`.
    """
    return graph._replace(metadata={
        'model': model.name(),
        'scale': str(scale),
        'hyper_parameters': json.dumps(model.hyper_parameters),
        'pixels': pixels,
        'inner': json.dumps(inner),
        'proof': base64.b64encode(proof.astype('<f4').tobytes()).decode(),
        'versions': json.dumps(versions()),
    })


class ExportedFile:
    """What an ONNX file that `described` made holds."""

    def __init__(self, path):
        self.path = path
        self._graph = onnx_file.read(path)
        try:
            said = self._graph.metadata
            self.scale = int(said['scale'])
            self.model = models.find(said['model'])([self.scale],
                                                    **json.loads(said['hyper_parameters']))
            self._inner = json.loads(said['inner'])
            size = [edge * self.scale for edge in PROOF_SIZE] + [3]
            self.proof = np.frombuffer(base64.b64decode(said['proof']), '<f4').reshape(size)
        except (KeyError, ValueError, TypeError) as error:
            raise UserError('%s: does not say which network it is (%s); export it again'
                            % (path, error)) from error

    def network(self):
        """The network alone, in its own space, whatever pixels the file takes."""
        ends = [[Value(name, np.float32, _DIMS)] for name in self._inner]
        network = onnx_file.cut(self._graph, *ends)
        return network._replace(
            inputs=[Value(INPUT, np.float32, _DIMS)], outputs=[Value(OUTPUT, np.float32, _DIMS)],
            nodes=([Node('Transpose', [INPUT], self._inner[:1], {'perm': TO_ONNX})]
                   + network.nodes
                   + [Node('Transpose', self._inner[1:], [OUTPUT], {'perm': FROM_ONNX})]))


def proof_of(upscaler, scale):
    return upscaler(probe.picture(*PROOF_SIZE), scale)

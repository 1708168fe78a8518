"""A checkpoint as a graph that needs neither the checkpoint nor this program."""
import contextlib

from sr_tf import checkpoint
from sr_tf.chips.session import plain_session
from sr_tf.compat import tf
from sr_tf.graphs import onnx_operators, pictures
from sr_tf.graphs.exported import INPUT, OUTPUT
from sr_tf.graphs.frozen import freeze

OPSETS = (11, 21)  # the first and the last that are known to work
OPSET = 13


def frozen_graph(prefix, model, scale, pixels):
    """A `GraphDef` of constants from `pictures.INPUT` to `pictures.OUTPUT`."""
    with _trained(prefix, model, scale, pixels) as (session, built):
        return freeze(session, [built.given], [built.picture])


def onnx_graph(prefix, model, scale, pixels, opset=OPSET):
    """The same as an ONNX `Model`, and what its network's input and picture are called in it."""
    graph, names = onnx_operators.convert(
        frozen_graph(prefix, model, scale, pixels), {pictures.INPUT: INPUT},
        {pictures.OUTPUT: OUTPUT}, opset)
    return graph, [names[name + ':0'] for name in (pictures.INNER_INPUT, pictures.INNER_PICTURE)]


def onnx_outputs(prefix, model, scale):
    """An ONNX `Model` that gives each of the network's outputs, in its own space."""
    with _trained(prefix, model, scale, 'bare') as (session, built):
        definition = freeze(session, [built.given], built.outputs)
        wanted = {tensor.op.name: 'output_%d' % number
                  for number, tensor in enumerate(built.outputs, 1)}
    return onnx_operators.convert(definition, {pictures.INPUT: INPUT}, wanted, OPSET)[0]


@contextlib.contextmanager
def _trained(prefix, model, scale, pixels):
    """Yields a session with the checkpoint's weights, and what was `pictures.Built` for it."""
    with tf.Graph().as_default() as graph:
        built = pictures.build(model, scale, pixels)
        for other in set(model.scales) - {scale}:
            # The checkpoint has the variables of all scales, and is known to fit by that.
            model.network(tf.placeholder(tf.float32, [1, 1, 1, model.channels]), other)
        with plain_session(graph) as session:
            variables = model.variables()
            checkpoint.assign(session, variables, checkpoint.read_weights(prefix, variables))
            yield session, built

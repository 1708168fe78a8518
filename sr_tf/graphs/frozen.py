"""A graph without variables: what no input decides is computed once and kept as constants.

That takes the weights out of their variables and folds what is computed from them alone, such as
the normalised kernels of a network with weight normalisation.
"""
from sr_tf.compat import tf


def freeze(session, inputs, outputs):
    """The `GraphDef` that computes the outputs from the inputs, both of them tensors."""
    followers = _followers(session.graph, {tensor.op for tensor in inputs})
    kept = [operation for operation in _needed(session.graph, outputs) if operation in followers]
    constants = _read_from_outside(kept)
    definition = tf.GraphDef(versions=session.graph.as_graph_def().versions)
    for tensor, value in zip(constants, session.run(constants)):
        definition.node.add().CopyFrom(_constant(_name(tensor), tensor.dtype, value))
    for operation in kept:
        definition.node.add().CopyFrom(_without_control_inputs(operation, constants))
    return definition


def _followers(graph, operations):
    """These operations and all whose result depends on theirs."""
    found = set(operations)
    for operation in graph.get_operations():  # in the order in which they were made
        if any(tensor.op in found for tensor in operation.inputs):
            found.add(operation)
    return found


def _needed(graph, outputs):
    """The operations that the outputs are computed from, in the order in which they were made."""
    found = {tensor.op for tensor in outputs}
    operations = graph.get_operations()
    for operation in reversed(operations):
        if operation in found:
            found.update(tensor.op for tensor in operation.inputs)
    return [operation for operation in operations if operation in found]


def _read_from_outside(operations):
    """The tensors that operations read and none of them makes."""
    own = set(operations)
    found = []
    for operation in operations:
        found += [tensor for tensor in operation.inputs
                  if tensor.op not in own and not any(tensor is known for known in found)]
    return found


def _constant(name, dtype, value):
    node = tf.NodeDef(name=name, op='Const')
    node.attr['dtype'].type = dtype.as_datatype_enum
    node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(value, dtype, value.shape))
    return node


def _without_control_inputs(operation, constants):
    node = tf.NodeDef()
    node.CopyFrom(operation.node_def)
    del node.input[:]
    node.input.extend(_name(tensor) if any(tensor is constant for constant in constants)
                      else tensor.name for tensor in operation.inputs)
    return node


def _name(tensor):
    return tensor.name.replace(':0', '').replace(':', '_')

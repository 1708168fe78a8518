"""Checkpoints of networks that nobody trained: what is computed takes as long."""
from sr_tf import checkpoint
from sr_tf.chips.session import plain_session
from sr_tf.compat import tf


def write_run(folder, model, seed=0):
    """Writes the checkpoint of a model with its first weights to a folder; returns its prefix."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(seed)
        for scale in model.scales:
            model.network(tf.zeros([1, 8, 8, model.channels]), scale)
        variables = {variable.op.name: variable for variable in model.variables()}
        with plain_session(graph) as session:
            session.run(tf.global_variables_initializer())
            values = session.run(variables)
    return checkpoint.save(values, folder, 1, {
        'model': model.name(), 'hyper_parameters': model.hyper_parameters,
        'scales': model.scales, 'step': 1})

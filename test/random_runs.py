"""Runs that nobody trained: checkpoints of small networks with random weights."""
from random_networks import random_weights

from sr_tf import checkpoint
from sr_tf.compat import tf


def write_run(folder, model, seed=0):
    """Writes the checkpoint of step 1 to a folder, which `load` takes; returns the folder."""
    with tf.Graph().as_default(), tf.Session() as session:
        for scale in model.scales:
            model.network(tf.zeros([1, 8, 8, model.channels]), scale)
        saver = tf.train.Saver(model.variables())
        checkpoint.assign(session, model.variables(), random_weights(model, seed))
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(saver, session, str(folder), 1, {
            'model': model.name(), 'hyper_parameters': model.hyper_parameters,
            'scales': model.scales, 'step': 1})
    return folder

"""`--recompute`: the same training in less memory."""
import contextlib
import sys

import numpy as np
import pytest
from random_networks import NAMES, make_model, random_weights

from models.recompute import recomputing
from models.weights import taken_from
from sr_tf.compat import tf
from sr_tf.training.losses import LOSSES


def gradients(model, scale, context):
    draw = np.random.RandomState(0)
    size = 6 * (1 if model.input_is_enlarged else scale)
    lr, hr = (tf.constant(draw.rand(2, side, side, model.channels).astype(np.float32))
              for side in (6, size))
    with tf.Session() as session:
        weights = {name: tf.constant(value) for name, value in random_weights(model).items()}
        with taken_from(weights), context:
            outputs = model.network(lr, scale)
        loss = model.loss(outputs, hr, LOSSES[model.recipe['loss']])
        return session.run(dict(zip(weights, tf.gradients(loss, list(weights.values())))))


@pytest.mark.parametrize('name', NAMES)
def test_gradients_are_the_same(name):
    with tf.Graph().as_default():
        expected = gradients(make_model(name, 2), 2, contextlib.nullcontext())
    with tf.Graph().as_default():
        computed = gradients(make_model(name, 2), 2, recomputing())
    assert set(computed) == set(expected)
    assert any(np.any(gradient) for gradient in expected.values())
    for weight, gradient in expected.items():
        np.testing.assert_allclose(computed[weight], gradient, rtol=1e-4,
                                   atol=1e-5 * np.abs(gradient).max(), err_msg=weight)


# A process starts with the peak of the one that made it, and pytest's is high.  So a small process
# stands between the two.
MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def test_memory_is_saved(run_script, photos, tmp_path):
    def peak(run, *flags):
        """Megabytes."""
        result = run_script(
            '-c', MEASURE, sys.executable, 'train.py', '--model=wdsr', '--wdsr_num_blocks=24',
            '--dataloader=folder_loader', '--data_truth_path=%s' % photos, '--batch_size=16',
            '--input_patch_size=24', '--chip=cpu', '--max_steps=2',
            '--train_path=%s' % (tmp_path / run), *flags, check=True)
        return int(result.stdout.split()[-1]) / 1024

    assert peak('recomputed', '--recompute') < peak('kept') - 200

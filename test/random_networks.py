"""Small networks with random weights, which no training has made forgiving."""
import numpy as np

import models
from models import weights
from sr_tf import checkpoint
from sr_tf.chips.session import Chip
from sr_tf.network import GraphNetwork
from sr_tf.upscaler import Upscaler

SIZES = {
    'bsrn': {'conv_features': 6, 'state_features': 5, 'recursions': 3},
    'rcan': {'num_features': 8, 'num_rg': 2, 'num_rcab': 2, 'reduction': 4},
    'rdn': {'num_features': 5, 'growth_rate': 5, 'num_blocks': 2, 'num_layers': 3},
    'srcnn': {},
    'wdsr': {'num_features': 5, 'num_blocks': 2},
}
NAMES = sorted(SIZES)


def make_model(name, *scales, **sizes):
    return models.find(name)(scales, **dict(SIZES[name], **sizes))


def random_weights(model, seed=0):
    """Weights under which features neither grow nor vanish, and each tap and bias matters."""
    shapes = weights.shapes(model)
    draw = np.random.RandomState(seed)
    return {name: _random_weight(draw, shapes[name]) for name in sorted(shapes)}


def make_network(model, seed=0, chip='cpu'):
    network = GraphNetwork(model, Chip(chip, 'fp32'))
    network.assign(random_weights(model, seed))
    return network


def make_upscaler(name, *scales, **options):
    model = make_model(name, *scales)
    return Upscaler(model, make_network(model), **options)


def random_image(height, width, seed=0, dtype=np.uint8):
    peak = np.iinfo(dtype).max
    return np.random.RandomState(seed).randint(0, peak + 1, (height, width, 3)).astype(dtype)


def _random_weight(draw, shape):
    if len(shape) == 1:
        return draw.normal(0, 0.1, shape).astype(np.float32)
    return draw.normal(0, 0.7 / np.sqrt(np.prod(shape[:3])), shape).astype(np.float32)


def save_checkpoint(folder, model, seed=0, averages_seed=None):
    """A checkpoint of such weights, and with averaged ones of another seed; returns its prefix."""
    values = random_weights(model, seed)
    if averages_seed is not None:
        values.update((name + checkpoint.EMA_SUFFIX, value)
                      for name, value in random_weights(model, averages_seed).items())
    return checkpoint.save(values, str(folder), 1, {
        'model': model.name(), 'scales': list(model.scales), 'step': 1,
        'hyper_parameters': model.hyper_parameters})

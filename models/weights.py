"""The weights of a network: which ones it declares, and where it takes them from."""
from collections import OrderedDict, namedtuple

from models.notes import noted
from sr_tf.compat import tf

Weight = namedtuple('Weight', 'shape initializer')


def taken_from(tensors):
    """A context in which networks find their weights in a mapping of their names, and make none."""
    return noted('weights', lambda getter, name, **_: tensors[name])


def declared(model, scale):
    """Maps the names of the weights that the network of a scale reads to what a `Weight` says."""
    weights = OrderedDict()

    def declare(getter, name, shape, initializer, **_):
        weights[name] = Weight(tuple(shape), initializer)
        return tf.zeros(shape)

    with tf.Graph().as_default(), noted('weights', declare):
        model.network(tf.placeholder(tf.float32, [1, 8, 8, model.channels]), scale)
    return weights


def shapes(model):
    """Maps the names of the weights of all scales to their shapes."""
    return {name: weight.shape for scale in model.scales
            for name, weight in declared(model, scale).items()}


def initial_values(weights, seed):
    """Maps the names of `Weight`s to the arrays that a run of this seed starts from."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(seed)
        values = {name: weight.initializer(weight.shape) for name, weight in weights.items()}
        with tf.Session(graph=graph, config=tf.ConfigProto(device_count={'GPU': 0})) as session:
            return session.run(values)

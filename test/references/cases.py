"""What `make_fixtures` writes: names of cases, their weight files and what they answer."""
import os

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data', 'parity')
SCALES = (2, 3, 4)
NETWORKS = ('rcan', 'rdn', 'srcnn', 'srcnn_without_bias', 'wdsr', 'wdsr_norm')


def name_of(network, scale):
    """SRCNN's weights have no scale."""
    return network if network.startswith('srcnn') else '%s_x%d' % (network, scale)


def path_of(name):
    return os.path.join(FOLDER, name + '.npz')


def answers(name):
    """Maps 'input', 'output', 'truth' and names of the state dict, of gradients, to arrays."""
    with np.load(path_of(name)) as arrays:
        return {key: arrays[key] for key in arrays.files if key != 'weights'}


def weight_file(name, folder):
    """The path of the weight file, which is written into the folder."""
    path = os.path.join(str(folder), name)
    with np.load(path_of(name)) as arrays, open(path, 'wb') as file:
        file.write(arrays['weights'].tobytes())
    return path

"""What validation takes beside the bare network, for the same images.

usage: python -m bench.validation CHECKPOINT FOLDER [IMAGES]

Both take turns, so that whatever else the machine does slows both, and the median counts.
"""
import os
import statistics
import sys
import time

import numpy as np

from dataloaders.folder_loader import FolderLoader
from sr_tf import checkpoint
from sr_tf.chips.session import Chip
from sr_tf.images import resize
from sr_tf.network import GraphNetwork
from sr_tf.scoring.evaluate import Settings, evaluate
from sr_tf.scoring.methods import Network
from sr_tf.scoring.protocols import MEASURES
from sr_tf.scoring.sets import ImageSet
from sr_tf.upscaler import Upscaler, read_model

ROUNDS = 3
SETTINGS = Settings(('paper',), MEASURES, None, False)


def main(path, folder, images=None):
    prefix = checkpoint.resolve(path)
    model = read_model(prefix)
    network = GraphNetwork(model, Chip('cpu'))
    network.restore(prefix)
    scale = model.scales[0]
    loader = FolderLoader(folder, None, (scale,))
    pairs = loader.pairs()[:int(images) if images else None]
    method = Network(Upscaler(model, network, tile=None), model.name())
    batches = [_batch(model, loader.read(pair.hr), scale) for pair in pairs]
    loader.list_pairs = lambda: pairs
    network.images(batches[0], scale)  # prepares itself
    bare, whole = [], []
    for _ in range(ROUNDS):
        began = time.time()
        for batch in batches:
            network.images(batch, scale)
        middle = time.time()
        for _ in evaluate(method, ImageSet('', scale, loader), SETTINGS):
            continue
        bare.append(middle - began)
        whole.append(time.time() - middle)
    bare, whole = statistics.median(bare), statistics.median(whole)
    print('%s x%d, %d images: the network %.1f s, validation %.1f s, %.2f times; load of the '
          'machine: %.1f' % (model.name(), scale, len(pairs), bare, whole, whole / bare,
                             os.getloadavg()[0]))


def _batch(model, hr, scale):
    lr = resize.downscale(resize.crop_to_multiple(hr, scale), scale)
    if model.input_is_enlarged:
        lr = resize.upscale(lr, scale)
    return model.from_rgb(lr[np.newaxis].astype(np.float32))


if __name__ == '__main__':
    main(*sys.argv[1:])

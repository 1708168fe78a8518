"""Validation of WDSR at x4, against the bare network for the same images."""
import functools
import os
import tempfile

import numpy as np

import models
from bench import options, untrained
from bench.result import Row
from bench.turns import take_turns, timed
from dataloaders.demo_loader import DemoLoader
from dataloaders.folder_loader import FolderLoader
from sr_tf import cores
from sr_tf.chips.session import Chip
from sr_tf.images import resize
from sr_tf.network import GraphNetwork
from sr_tf.scoring.evaluate import Settings, evaluate
from sr_tf.scoring.methods import Network
from sr_tf.scoring.protocols import MEASURES
from sr_tf.scoring.sets import ImageSet
from sr_tf.upscaler import Upscaler

SCALE = 4
SUMMARY_IMAGES = 3
SETTINGS = Settings(('paper',), MEASURES, None, False)

against = 'validation'


def rows(full):
    model = models.find('wdsr')((SCALE,))
    network = GraphNetwork(model, Chip('cpu'))
    with tempfile.TemporaryDirectory(prefix='validation-') as folder:
        network.restore(untrained.write_run(os.path.join(folder, 'run'), model))
    loader = images(full)
    batches = [_batch(model, loader.read(pair.hr)) for pair in loader.pairs()]
    method = Network([Upscaler(model, network, tile=None)], model.name())
    samples = take_turns({
        'the bare network': timed(lambda: [network.images(batch, SCALE) for batch in batches]),
        against: timed(lambda: list(evaluate(method, ImageSet('', SCALE, loader), SETTINGS)))},
        rounds=3)
    settings = {'images': len(batches), 'precision': 'fp32', 'threads': cores.usable()}
    for way, seconds in samples.items():
        yield Row('%s x%d' % (model.name(), SCALE), way, 's', seconds, settings)


def images(full):
    """A loader of those of --images, or else of the photographs inside scikit-image's wheel."""
    folder = options.images()
    loader = FolderLoader(folder, None, (SCALE,)) if folder else DemoLoader(None, None, (SCALE,))
    if not full:
        loader.list_pairs = functools.partial(list, loader.list_pairs()[:SUMMARY_IMAGES])
    return loader


def _batch(model, hr):
    lr = resize.downscale(resize.crop_to_multiple(hr, SCALE), SCALE)
    return model.from_rgb(lr[np.newaxis].astype(np.float32))

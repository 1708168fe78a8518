"""Scores a network on a set of images, beside bicubic."""
import time
from collections import namedtuple

import numpy as np

from sr_tf.errors import UserError
from sr_tf.images.files import to_uint8
from sr_tf.scoring.sources import group_by_source

Scored = namedtuple('Scored', 'name lr bicubic sr hr outputs scores')
Scored.__doc__ = """A picture and how it was scored; all pictures are uint8 RGB.

`outputs` are the network's single outputs, when they were asked for.  `scores` is what the image
adds to a report.
"""


def evaluate(upscaler, loader, scale, protocol='paper', each_output=False, pairs=None,
             degradation=None):
    """Yields a `Scored` for each of the loader's images, or for the given ones among them."""
    (source, (protocol,)), = group_by_source([protocol], degradation).items()
    for pair in loader.pairs() if pairs is None else pairs:
        lr, hr = source.pictures(loader, pair, loader.read(pair.hr), scale)
        began = time.time()
        sr = upscaler(lr, scale)
        seconds = time.time() - began
        bicubic = source.enlarge(lr, scale)
        outputs = upscaler.outputs(lr, scale) if each_output else []
        scores = dict(_scores(pair.hr, sr, hr, scale, protocol),
                      name=pair.name, seconds=seconds,
                      bicubic=_scores(pair.hr, bicubic, hr, scale, protocol))
        if outputs:
            scores['outputs'] = [_scores(pair.hr, output, hr, scale, protocol)
                                 for output in outputs]
        yield Scored(pair.name, lr, bicubic, to_uint8(sr), hr, list(map(to_uint8, outputs)),
                     scores)


def summarize(dataset, scale, images, output_numbers):
    """The entry of a report's `results` for the `scores` of all images of a set."""
    result = {
        'dataset': dataset,
        'scale': scale,
        'psnr': _mean(images, 'psnr'),
        'ssim': _mean(images, 'ssim'),
        'bicubic': {key: _mean([image['bicubic'] for image in images], key)
                    for key in ('psnr', 'ssim')},
        'seconds': sum(image['seconds'] for image in images),
        'images': images,
    }
    if 'outputs' in images[0]:
        columns = zip(*(image['outputs'] for image in images))
        result['recursions'] = [
            {'recursion': number, 'psnr': _mean(column, 'psnr'), 'ssim': _mean(column, 'ssim')}
            for number, column in zip(output_numbers, columns)]
    return result


def psnr_total(upscaler, loader, rank=0, size=1, degradation=None):
    """The sum and the number of the PSNRs of every `size`-th image at all the model's scales."""
    psnrs = [scored.scores['psnr'] for scale in upscaler.scales
             for scored in evaluate(upscaler, loader, scale, pairs=loader.pairs()[rank::size],
                                    degradation=degradation)]
    return sum(psnrs), len(psnrs)


def _scores(name, sr, hr, scale, protocol):
    try:
        return protocol.score(sr, hr, scale)
    except UserError as error:
        raise UserError('%s: %s' % (name, error)) from error


def _mean(entries, key):
    return float(np.mean([entry[key] for entry in entries]))

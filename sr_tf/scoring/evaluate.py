"""Scores a network on a set of images, beside bicubic."""
import time
from collections import namedtuple

import numpy as np

from sr_tf.data.pack import low_resolution
from sr_tf.errors import UserError
from sr_tf.images import resize
from sr_tf.images.files import to_uint8
from sr_tf.scoring.metrics import score

Scored = namedtuple('Scored', 'name lr bicubic sr hr outputs scores')
Scored.__doc__ = """A picture and how it was scored; all pictures are uint8 RGB.

`outputs` are the network's single outputs, when they were asked for.  `scores` is what the image
adds to a report.
"""


def evaluate(upscaler, loader, scale, protocol='paper', each_output=False, pairs=None):
    """Yields a `Scored` for each of the loader's images, or for the given ones among them."""
    for pair in loader.pairs() if pairs is None else pairs:
        original = loader.read(pair.hr)
        lr = low_resolution(loader, pair, original, scale)
        hr = original[:lr.shape[0] * scale, :lr.shape[1] * scale]
        began = time.time()
        sr = to_uint8(upscaler(lr, scale))
        seconds = time.time() - began
        bicubic = resize.upscale(lr, scale)
        outputs = ([to_uint8(output) for output in upscaler.outputs(lr, scale)]
                   if each_output else [])
        scores = dict(_scores(pair.hr, sr, hr, scale, protocol),
                      name=pair.name, seconds=seconds,
                      bicubic=_scores(pair.hr, bicubic, hr, scale, protocol))
        if outputs:
            scores['outputs'] = [_scores(pair.hr, output, hr, scale, protocol)
                                 for output in outputs]
        yield Scored(pair.name, lr, bicubic, sr, hr, outputs, scores)


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


def psnr_total(upscaler, loader, rank=0, size=1):
    """The sum and the number of the PSNRs of every `size`-th image at all the model's scales."""
    psnrs = [scored.scores['psnr'] for scale in upscaler.scales
             for scored in evaluate(upscaler, loader, scale, pairs=loader.pairs()[rank::size])]
    return sum(psnrs), len(psnrs)


def _scores(name, sr, hr, scale, protocol):
    try:
        psnr, ssim = score(sr, hr, scale, protocol)
    except UserError as error:
        raise UserError('%s: %s' % (name, error)) from error
    return {'psnr': psnr, 'ssim': ssim}


def _mean(entries, key):
    return float(np.mean([entry[key] for entry in entries]))

"""The scores that papers print, to be shown beside ours: what is in published.json."""
import functools
import json
import os
from collections import namedtuple

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'published.json')

Published = namedtuple('Published', 'psnr ssim source')
Published.__doc__ = """A published score; `ssim` is None where only the PSNR is known."""


def published(model, dataset, scale, protocol='paper', degradation='bicubic'):
    """What is published of a model, or of 'bicubic', on a set of images; None where nothing is."""
    table = _table()
    dataset = table['other_names'].get(dataset.lower(), dataset.lower())
    return table['scores'].get((model, dataset, scale, protocol, degradation))


@functools.lru_cache(maxsize=1)
def _table():
    """The file by what is looked up; names of sets in lower case."""
    with open(TABLE, encoding='utf-8') as file:
        content = json.load(file)
    scores = {(row['model'], dataset.lower(), row['scale'], row['protocol'], row['degradation']):
              Published(psnr, ssim, content['sources'][row['source']])
              for row in content['rows'] for dataset, (psnr, ssim) in row['scores'].items()}
    other_names = {name.lower(): known.lower() for name, known in content['other_names'].items()}
    return {'scores': scores, 'other_names': other_names}

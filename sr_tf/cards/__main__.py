"""Writes what the weights that come along score into their JSON files, and a card for each.

usage: python -m sr_tf.cards photographs=METRICS.json fp32=METRICS.json mixed=METRICS.json ...

Each METRICS.json is one that validate.py wrote of weights that come along, and the word before it
is what the cards call that way to compute. Those of photographs, which are those of demo_loader in
fp32, are for a test to compare with. Logs of the training lie in weights/logs/.
"""
import datetime
import json
import os
import re

from bench.machine import ROOT, machine
from sr_tf import checkpoint, cli, pretrained
from sr_tf.cards import logs, strip, text
from sr_tf.errors import UsageError
from sr_tf.whole_file import whole_or_absent

PRESETS = os.path.join(ROOT, 'presets', 'cpu')


def main(arguments):
    given = [argument.partition('=')[::2] for argument in arguments]
    if not given or not all(path for _, path in given):
        raise UsageError('files are given as fp32=METRICS.json, fp32 being what cards call it')
    for prefix in pretrained.everything():
        metadata = checkpoint.read_metadata(prefix)
        metadata.setdefault('training', training(prefix))
        for way, path in given:
            with open(path) as file:
                add_scores(metadata, prefix, way, json.load(file))
        checkpoint.write_metadata(prefix, metadata)
        strip.write(prefix)
        curve = logs.draw(prefix)
        with whole_or_absent(prefix + '.md') as temporary, open(temporary, 'w') as file:
            file.write(text.card(os.path.basename(prefix), metadata, recipes(prefix), curve))
        print(prefix + '.md')


def recipes(prefix):
    """NAME.flags, or those of several runs in a row: NAME_1.flags, NAME_2.flags, ..."""
    known = re.compile(re.escape(os.path.basename(prefix)) + r'(_\d+)?\.flags$')
    return logs.in_order(filter(known.match, os.listdir(PRESETS)))


def training(prefix):
    """What took how long, where the card is first written."""
    computer = machine()
    return {'hours': round(logs.hours(prefix), 2),
            'machine': computer['cpu'],
            'date': datetime.date.today().isoformat()}


def add_scores(metadata, prefix, way, metrics):
    """Those of the metrics that are of this checkpoint."""
    for run in metrics.get('runs', [metrics]):
        for result in run['results'] if prefix in run['checkpoint'].split(', ') else ():
            if result['scale'] not in metadata['scales']:
                continue
            if way == 'photographs':
                metadata.setdefault('photographs', {})[str(result['scale'])] = {
                    image['name']: image['psnr'] for image in result['images']}
            else:
                place = '%s x%d' % (result['dataset'], result['scale'])
                scores = metadata.setdefault('scores', {}).setdefault(place, {})
                scores[way] = {key: result[key] for key in ('psnr', 'ssim')}
                scores['bicubic'] = {key: result['bicubic'][key] for key in ('psnr', 'ssim')}


if __name__ == '__main__':
    cli.run(main, lambda: None, __doc__)

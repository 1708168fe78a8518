"""How long until a command answers, a training computes and its photographs are packed.

The photographs are as large and, with --full, as many as DIV2K's, which takes 13 GB of disk for
a while; TMPDIR says where.
"""
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time

import models
from bench import photographs
from bench.command_line import lines_of_training
from bench.machine import ROOT
from bench.result import Row
from bench.turns import take_turns, timed
from dataloaders.folder_loader import FolderLoader
from sr_tf import cores
from sr_tf.data.ahead import computed_ahead
from sr_tf.data.pack import open_pack

SCALE = 4
WIDTH, HEIGHT = 2040, 1356
FEW, MANY = 12, 800

against = 'sr-tf'


def rows(full):
    rounds = 5 if full else 2
    yield from answering(rounds)
    with tempfile.TemporaryDirectory(prefix='start-') as folder:
        few, many = (os.path.join(folder, name) for name in ('few', 'many'))
        packs = os.path.join(folder, 'packs')
        photographs.write(few, FEW, WIDTH, HEIGHT, compress_level=1)
        yield from packing(few, packs, rounds)
        if full:
            photographs.write(many, MANY, WIDTH, HEIGHT, compress_level=1)
            yield from packing(many, packs, 1)
        yield from first_steps(few, many if full else few, packs, rounds)


def answering(rounds):
    ways = {against: ['train.py', '--help'], 'import of TensorFlow': ['-c', 'import tensorflow']}
    samples = take_turns({way: timed(call, words) for way, words in ways.items()}, rounds)
    for way, seconds in samples.items():
        yield Row('train.py --help', way, 's', seconds, {})


def packing(photos, packs, rounds):
    """Megabytes of the pack in a second: by all cores, of files that the system has in memory."""
    loader = FolderLoader(photos, None, (SCALE,))
    places = [pair.hr for pair in loader.pairs()]
    size = pack_anew(loader, packs)
    samples = take_turns({
        against: timed(pack_anew, loader, packs),
        'reading and decoding alone': timed(read_all, loader, places),
        'writing alone, to the disk': timed(write_alone, packs, size)}, rounds, warm_up=0)
    subject = 'packing %d photographs of %dx%d, x%d' % (len(places), WIDTH, HEIGHT, SCALE)
    for way, seconds in samples.items():
        yield Row(subject, way, 'MB/s', [size / 1e6 / each for each in seconds],
                  {'threads': cores.usable()})


def pack_anew(loader, packs):
    shutil.rmtree(packs, ignore_errors=True)
    return open_pack(loader, (SCALE,), packs).size


def read_all(loader, places):
    for _ in computed_ahead(loader.read, places):
        continue


def write_alone(folder, size):
    path, block = os.path.join(folder, 'alone'), os.urandom(1 << 23)
    with open(path, 'wb') as file:
        for start in range(0, size, len(block)):
            file.write(block[:size - start])
        file.flush()
        os.fsync(file.fileno())
    os.remove(path)


def first_steps(few, photos, packs, rounds):
    """Seconds from the command to the end of its first step, of which the batch is one patch."""
    with tempfile.TemporaryDirectory(prefix='start-') as folder:
        ways, settings = {}, {}
        for name in models.names():
            # What it reads is enlarged, and so would be as large again as all photographs.
            own = few if models.find(name).input_is_enlarged else photos
            settings[name] = {'batch': 1, 'images': len(os.listdir(own))}
            ways[name] = functools.partial(until_first_step, os.path.join(folder, name), [
                '--model=' + name, '--dataloader=folder_loader', '--data_truth_path=' + own,
                '--pack_path=' + packs, '--scales=%d' % SCALE, '--batch_size=1', '--chip=cpu'])
        for name, seconds in take_turns(ways, rounds).items():
            yield Row('to the first step of %s x%d' % (name, SCALE), against, 's', seconds,
                      settings[name])


def until_first_step(run, flags):
    shutil.rmtree(run, ignore_errors=True)
    began = time.perf_counter()
    lines = lines_of_training(ROOT, run, ['--max_steps=1'] + flags)
    ended = [time.perf_counter() for _, line in lines if line.startswith('step 1/1 ')]
    return ended[0] - began


def call(words):
    subprocess.run([sys.executable] + words, cwd=ROOT, stdin=subprocess.DEVNULL, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

"""Trains one network in PyTorch, so many steps whenever it is asked, and says how long each took.

The first question names the network and how to train it, each other one a number of steps.
"""
import sys
import time

import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss

from bench.answering import Questions, memory
from bench.pytorch.bsrn import BSRN
from bench.pytorch.depth_to_space import DepthToSpace
from bench.pytorch.rcan import RCAN
from bench.pytorch.rdn import RDN
from bench.pytorch.srcnn import SRCNN
from bench.pytorch.wdsr import WDSR

LARGEST = {'bsrn': 255, 'rcan': 1, 'rdn': 1, 'srcnn': 1, 'wdsr': 255}
LOSSES = {'l1': l1_loss, 'l2': mse_loss}
DEEP = 100000  # calls within calls, by which torch.compile goes through a network as long as RCAN


def main():
    questions = Questions()
    before, _ = memory()
    step = training_step(**questions.next())
    questions.answer()
    while True:
        count = questions.next()['steps']
        seconds, loss = [], None
        for _ in range(count):
            began = time.perf_counter()
            loss = step()
            seconds.append(time.perf_counter() - began)
        _, peak = memory()
        questions.answer(seconds=seconds, loss=loss, peak=peak, grew=peak - before)


def training_step(network, scale, batch, patch, precision, loss, learning_rate, adam_epsilon,
                  channels_last, compiled, threads):
    """A function that makes one step and returns the loss."""
    torch.set_num_threads(threads)
    sys.setrecursionlimit(DEEP)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = network_of(network, scale, channels_last).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, eps=adam_epsilon,
                                 fused=True)
    channels = 1 if network == 'srcnn' else 3
    truth_size = patch if network == 'srcnn' else scale * patch
    inputs, truth = (LARGEST[network] * torch.rand(batch, channels, size, size)
                     for size in (patch, truth_size))
    inputs, truth = inputs.to(memory_format=layout), truth.to(memory_format=layout)

    def forward(inputs, truth):
        with torch.autocast('cpu', torch.bfloat16, enabled=precision == 'bf16'):
            outputs = model(inputs)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return mean_distance(outputs, truth, LOSSES[loss])

    if compiled:
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = forward(inputs, truth)
        value.backward()
        optimizer.step()
        return value.item()

    return step


def network_of(name, scale, channels_last):
    if name == 'srcnn':
        return SRCNN()
    if name == 'bsrn':
        # The gradient of PixelShuffle is slow in this layout.
        return BSRN(scale, shuffle=DepthToSpace if channels_last else nn.PixelShuffle)
    return {'rcan': RCAN, 'rdn': RDN, 'wdsr': WDSR}[name](scale)


def mean_distance(outputs, truth, distance):
    """Of several outputs each counts twice as much as the one before it."""
    weights = [2.0 ** number for number in range(len(outputs))]
    return sum(weight / sum(weights) * distance(output.float(), truth)
               for weight, output in zip(weights, outputs))


if __name__ == '__main__':
    try:
        main()
    except Exception as error:
        # After what went wrong torch.compile gives advice on many lines.
        sys.exit(' '.join(str(error).splitlines()[:2]))

"""Writes the PyTorch checkpoints of this folder and, as .npz files, the arrays they hold.

Needs PyTorch (the present ones are from 2.13.0); the tests that read them do not.
"""
import os
from collections import OrderedDict

import numpy as np
import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))


def training():
    """A network in DataParallel, with all that a training program saves beside it."""
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    parallel = torch.nn.DataParallel(network)
    optimizer = torch.optim.Adam(parallel.parameters())
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    network(torch.rand(1, 1, 5, 5)).sum().backward()
    optimizer.step()
    checkpoint = {
        'epoch': 3,
        'best_psnr': np.float64(31.5),
        'best_epoch': torch.tensor(2),
        'kernel': torch.Size([3, 3]),
        'device': torch.device('cpu'),
        'params': {name: value + 1 for name, value in network.state_dict().items()},
        'params_ema': parallel.state_dict(),
        'optimizer': optimizer.state_dict(),
        'scheduler': scheduler.state_dict(),
    }
    return checkpoint, network.state_dict()


def dtypes():
    values = [[0, 1, 2], [3, 100, 127]]
    tensors = OrderedDict(
        (str(dtype).replace('torch.', 'of.'), torch.tensor(values).to(dtype))
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64,
                      torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool))
    tensors['fractions'] = torch.tensor([1 / 3, -1e30, 0.1]).to(torch.bfloat16)
    tensors['scalar'] = torch.tensor(7)
    tensors['empty'] = torch.empty(0, 4)
    tensors['parameter'] = torch.nn.Parameter(torch.rand(3))
    return tensors, tensors


def views():
    """Tensors that share two storages, most of them not contiguous."""
    numbers = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    halves = torch.arange(12).to(torch.bfloat16).reshape(3, 4)
    tensors = OrderedDict([
        ('whole', numbers),
        ('transposed', numbers.permute(2, 0, 1)),
        ('steps', numbers[::2, 1:, ::3]),
        ('corner', numbers[2, 3, 4]),
        ('windows', numbers.flatten()[:8].unfold(0, 4, 2)),
        ('halves', halves[1:].t()),
        ('half', halves[:, 2]),
    ])
    return {'model': tensors, 'seed': (1, 2, b'3')}, tensors


def save_expected(name, tensors):
    arrays = {key: value.detach().float() if value.dtype == torch.bfloat16 else value.detach()
              for key, value in tensors.items()}
    np.savez_compressed(path_of(name + '.npz'),
                        **{key: value.numpy() for key, value in arrays.items()})


def path_of(name):
    return os.path.join(FOLDER, name)


def main():
    torch.manual_seed(0)
    for make in (training, dtypes, views):
        checkpoint, expected = make()
        name = make.__name__
        save_expected(name, expected)
        torch.save(checkpoint, path_of(name + '.zip.pth'))
        torch.save(checkpoint, path_of(name + '.protocol4.pth'), pickle_protocol=4)
        torch.save(checkpoint, path_of(name + '.legacy.pth'),
                   _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Sequential(torch.nn.Linear(1, 1)), path_of('whole_module.pth'))


if __name__ == '__main__':
    main()

"""Writes test/data/parity: small networks, what they answer, and their gradients.

Run in test/ with PyTorch 2.13.0 and numpy: PYTHONPATH=.. python -m references.make_fixtures

Each .npz holds the bytes of a weight file, as users have it, an input and the output for it (both
NHWC; several outputs one after the other), a truth, and under their names in the state dict the
gradients of some weights, of the distance between output and truth.
"""
import io
import os
from collections import OrderedDict

import numpy as np
import torch
from torch.nn.functional import l1_loss, mse_loss

from bench.pytorch.bsrn import BSRN
from bench.pytorch.depth_to_space import DepthToSpace
from bench.pytorch.rcan import RCAN
from bench.pytorch.rdn import RDN
from bench.pytorch.srcnn import SRCNN
from bench.pytorch.wdsr import WDSR
from bench.pytorch.worker import mean_distance
from references import cases, mindspore

SIZE = (5, 4)


def main():
    os.makedirs(cases.FOLDER, exist_ok=True)
    for scale in cases.SCALES:
        torch.manual_seed(scale)
        name = '%%s_x%d' % scale
        torch_file = {2: plain, 3: of_eight_devices, 4: nested}[scale]

        write(name % 'rcan', RCAN(scale, num_features=4, num_rg=2, num_rcab=3, reduction=2),
              torch_file, 1, l1_loss, ['sf.weight', 'rgs.1.module.2.module.3.module.1.weight'])
        write(name % 'rdn', RDN(scale, num_features=4, growth_rate=4, num_blocks=2, num_layers=3),
              torch_file, 1, l1_loss, ['sfe1.bias', 'rdbs.1.layers.2.conv.weight'])
        write(name % 'wdsr', WDSR(scale, num_blocks=2, num_features=5, shuffle=DepthToSpace),
              half_mindspore if scale == 3 else of_mindspore, 255, l1_loss,
              ['head.0.weight', 'body.1.body.2.bias'])
        write(name % 'wdsr_norm', WDSR(scale, num_blocks=2, num_features=5, weight_norm=True),
              torch_file, 255, l1_loss, ['head.0.weight_g', 'body.1.body.3.weight_v'])

    srcnn = SRCNN()
    without_bias = SRCNN(bias=False)
    without_bias.load_state_dict(srcnn.state_dict(), strict=False)
    write('srcnn', srcnn, plain, 1, mse_loss, ['conv1.bias', 'conv3.weight'])
    write('srcnn_without_bias', without_bias, of_mindspore, 1, mse_loss, ['conv3.weight'])

    for scale in cases.SCALES:
        torch.manual_seed(scale)
        network = BSRN(scale, conv_features=5, state_features=4, recursions=3, shuffle=DepthToSpace)
        write('bsrn_x%d' % scale, network, plain, 255, l1_loss, dict(network.named_parameters()))


def plain(weights):
    return saved(weights)


def of_eight_devices(weights):
    """As PyTorch 1.5 wrote it."""
    prefixed = OrderedDict(('module.' + name, value) for name, value in weights.items())
    return saved({'epoch': 3, 'state_dict': prefixed, 'lr': 1e-4},
                 _use_new_zipfile_serialization=False)


def nested(weights):
    return saved({'params': weights}, pickle_protocol=4)


def saved(tree, **options):
    stream = io.BytesIO()
    torch.save(tree, stream, **options)
    return stream.getvalue()


def of_mindspore(weights):
    return mindspore.encoded({name: value.numpy() for name, value in weights.items()})


def half_mindspore(weights):
    return mindspore.encoded({name: value.half().numpy() for name, value in weights.items()})


def write(name, network, file_of, largest, distance, with_gradients):
    parameters = dict(network.named_parameters())
    for parameter in (value for key, value in parameters.items() if 'mean' not in key):
        # Few different values: they compress well, and are the same in half precision.
        parameter.data = torch.round(256 * parameter.data) / 256
    inputs = largest * torch.rand(2, 1 if distance is mse_loss else 3, *SIZE)
    output = network(inputs)
    outputs = output if isinstance(output, list) else [output]
    truth = largest * torch.randint(0, 2, outputs[0].shape)
    mean_distance(outputs, truth.float(), distance).backward()
    np.savez_compressed(
        cases.path_of(name), weights=np.frombuffer(file_of(network.state_dict()), np.uint8),
        input=last(inputs), output=np.concatenate([last(output) for output in outputs]),
        truth=last(truth).astype(np.uint8),
        **{key: parameters[key].grad.numpy() for key in with_gradients})


def last(images):
    """With the channels last."""
    return images.detach().permute(0, 2, 3, 1).numpy()


if __name__ == '__main__':
    main()

"""BSRN in PyTorch for one scale; its state dict has the names of our variables."""
import math

import torch
from torch import nn

MEAN = 127.5


class BSRN(nn.Module):
    """`forward` gives one picture for each recursion.

    shuffle: `DepthToSpace` for the order of channels that our weights have.
    """

    def __init__(self, scale, conv_features=64, state_features=64, recursions=16,
                 shuffle=nn.PixelShuffle):
        super().__init__()
        both = conv_features + state_features
        factors = [3] if scale == 3 else [2] * int(math.log2(scale))
        self.recursions = recursions
        self.sizes = conv_features, state_features
        self.first_conv = convolutions((3, conv_features))
        self.residual_modules = convolutions(*[(both, both)] * 3)
        self.upscale = nn.ModuleDict({'x%d' % scale: convolutions(
            *[(conv_features, conv_features * factor ** 2) for factor in factors])})
        self.shuffles = [shuffle(factor) for factor in factors]
        self.last_conv = convolutions((conv_features, 3))

    def forward(self, images):
        x = self.first_conv['conv2d'](images - MEAN)
        batch, _, height, width = x.shape
        state = x.new_zeros(batch, self.sizes[1], height, width)
        outputs = []
        for _ in range(self.recursions):
            x, state = self.residual_module(x, state)
            outputs.append(self.upscaled(x))
        return outputs

    def residual_module(self, x, state):
        first, second, third = self.residual_modules.values()
        residual = second(torch.relu(first(torch.cat([x, state], 1))))
        change, state = residual.split(self.sizes, 1)
        x = x + change
        change, state = third(torch.cat([x, state], 1)).split(self.sizes, 1)
        return x + change, state

    def upscaled(self, x):
        convs, = self.upscale.values()
        for conv, shuffle in zip(convs.values(), self.shuffles):
            x = shuffle(torch.relu(conv(x)))
        # Halves have too few digits for colours up to 255.
        return self.last_conv['conv2d'](x).float() + MEAN


def convolutions(*channels):
    """Named as TensorFlow names several in one scope."""
    return nn.ModuleDict({
        'conv2d_%d' % number if number else 'conv2d': nn.Conv2d(inputs, outputs, 3, padding=1)
        for number, (inputs, outputs) in enumerate(channels)})

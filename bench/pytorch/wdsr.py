"""WDSR in PyTorch; its state dict has the original's names."""
import torch
from torch import nn

MEAN = (0.4488, 0.4371, 0.4040)


class MeanShift(nn.Module):
    """Stored as the 1x1 convolution that it is in the original, but not computed as one."""

    def __init__(self, sign):
        super().__init__()
        self.register_buffer('weight', torch.eye(3).reshape(3, 3, 1, 1))
        self.register_buffer('bias', sign * 255 * torch.tensor(MEAN))

    def forward(self, x):
        return x + self.bias.reshape(1, 3, 1, 1)


class NormalizedConv2d(nn.Module):
    """A kernel `weight_v` of which each output channel is given the norm `weight_g`."""

    def __init__(self, inputs, outputs, size, padding):
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, size)
        self.padding = padding
        self.weight_v = plain.weight
        self.weight_g = nn.Parameter(0.5 + torch.rand(outputs, 1, 1, 1))
        self.bias = plain.bias

    def forward(self, x):
        norm = self.weight_v.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        weight = self.weight_g * self.weight_v / norm
        return nn.functional.conv2d(x, weight, self.bias, padding=self.padding)


class Block(nn.Module):
    def __init__(self, conv, features):
        super().__init__()
        self.body = nn.Sequential(
            conv(features, 6 * features, 1, padding=0), nn.ReLU(),
            conv(6 * features, int(0.8 * features), 1, padding=0),
            conv(int(0.8 * features), features, 3, padding=1))

    def forward(self, x):
        return x + self.body(x)


class WDSR(nn.Module):
    """shuffle: `DepthToSpace` for the order of channels that MindSpore's weights have."""

    def __init__(self, scale, num_blocks=16, num_features=64, weight_norm=False,
                 shuffle=nn.PixelShuffle):
        super().__init__()
        conv = NormalizedConv2d if weight_norm else nn.Conv2d
        self.sub_mean = MeanShift(-1)
        self.add_mean = MeanShift(1)
        self.head = nn.Sequential(conv(3, num_features, 3, padding=1))
        self.body = nn.Sequential(*[Block(conv, num_features) for _ in range(num_blocks)])
        self.tail = nn.Sequential(conv(num_features, 3 * scale ** 2, 3, padding=1))
        self.skip = nn.Sequential(conv(3, 3 * scale ** 2, 5, padding=2))
        self.shuffle = shuffle(scale)

    def forward(self, x):
        x = self.sub_mean(x) / 127.5
        x = self.tail(self.body(self.head(x))) + self.skip(x)
        # Halves have too few digits for colours up to 255.
        return self.add_mean(self.shuffle(x).float() * 127.5)

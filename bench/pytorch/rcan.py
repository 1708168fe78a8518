"""RCAN in PyTorch; its state dict has the original's names."""
from torch import nn


class ChannelAttention(nn.Module):
    def __init__(self, features, reduction):
        super().__init__()
        self.module = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(features, features // reduction, 1), nn.ReLU(),
            nn.Conv2d(features // reduction, features, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.module(x)


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.module = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.module(x)


class RCAN(nn.Module):
    def __init__(self, scale, num_features=64, num_rg=10, num_rcab=20, reduction=16):
        super().__init__()

        def conv(channels=num_features):
            return nn.Conv2d(num_features, channels, 3, padding=1)

        def block():
            return Residual(conv(), nn.ReLU(), conv(), ChannelAttention(num_features, reduction))

        def group():
            return Residual(*[block() for _ in range(num_rcab)], conv())

        self.sf = nn.Conv2d(3, num_features, 3, padding=1)
        self.rgs = nn.Sequential(*[group() for _ in range(num_rg)])
        self.conv1 = conv()
        self.upscale = nn.Sequential(conv(num_features * scale ** 2), nn.PixelShuffle(scale))
        self.conv2 = conv(3)

    def forward(self, x):
        first = self.sf(x)
        return self.conv2(self.upscale(self.conv1(self.rgs(first)) + first))

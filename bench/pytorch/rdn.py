"""RDN in PyTorch; its state dict has the original's names."""
import torch
from torch import nn


class DenseLayer(nn.Module):
    def __init__(self, channels, growth_rate):
        super().__init__()
        self.conv = nn.Conv2d(channels, growth_rate, 3, padding=1)

    def forward(self, x):
        return torch.cat([x, torch.relu(self.conv(x))], 1)


class DenseBlock(nn.Module):
    def __init__(self, channels, growth_rate, num_layers):
        super().__init__()
        self.layers = nn.Sequential(*[DenseLayer(channels + layer * growth_rate, growth_rate)
                                      for layer in range(num_layers)])
        self.lff = nn.Conv2d(channels + num_layers * growth_rate, growth_rate, 1)

    def forward(self, x):
        return x + self.lff(self.layers(x))


class RDN(nn.Module):
    def __init__(self, scale, num_features=64, growth_rate=64, num_blocks=16, num_layers=8):
        super().__init__()

        def conv(channels=num_features):
            return nn.Conv2d(num_features, channels, 3, padding=1)

        self.sfe1 = nn.Conv2d(3, num_features, 3, padding=1)
        self.sfe2 = conv()
        self.rdbs = nn.ModuleList([DenseBlock(num_features, growth_rate, num_layers)
                                   for _ in range(num_blocks)])
        self.gff = nn.Sequential(nn.Conv2d(num_blocks * growth_rate, num_features, 1), conv())
        upscale = []
        for factor in {2: [2], 3: [3], 4: [2, 2]}[scale]:
            upscale += [conv(num_features * factor ** 2), nn.PixelShuffle(factor)]
        self.upscale = nn.Sequential(*upscale)
        self.output = conv(3)

    def forward(self, x):
        first = self.sfe1(x)
        x = self.sfe2(first)
        blocks = []
        for block in self.rdbs:
            x = block(x)
            blocks.append(x)
        x = self.gff(torch.cat(blocks, 1)) + first
        return self.output(self.upscale(x))

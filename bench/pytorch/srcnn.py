"""SRCNN in PyTorch; its state dict has the original's names."""
import torch
from torch import nn


class SRCNN(nn.Module):
    def __init__(self, bias=True):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 9, padding=4, bias=bias)
        self.conv2 = nn.Conv2d(64, 32, 5, padding=2, bias=bias)
        self.conv3 = nn.Conv2d(32, 1, 5, padding=2, bias=bias)

    def forward(self, x):
        return self.conv3(torch.relu(self.conv2(torch.relu(self.conv1(x)))))

"""TensorFlow's and MindSpore's way to turn channels into pixels."""
from torch import nn


class DepthToSpace(nn.Module):
    """Like `PixelShuffle`, but channels are in the order (row, column, colour).

    What it gives has the channels last in memory, and is made quickly from what has them as well.
    """

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        batch, _, height, width = x.shape
        x = x.permute(0, 2, 3, 1).reshape(batch, height, width, self.scale, self.scale, -1)
        x = x.transpose(2, 3).reshape(batch, height * self.scale, width * self.scale, -1)
        return x.permute(0, 3, 1, 2)

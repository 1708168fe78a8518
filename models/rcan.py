"""RCAN, the Residual Channel Attention Network (Zhang et al., 2018).

Residual groups of residual blocks; each block weighs its channels by what they hold on average
over the whole picture.
"""
import math

from models import layers, padding, recompute
from models.unit_range import UnitRange
from sr_tf.compat import tf
from sr_tf.errors import UsageError


class RCAN(UnitRange):
    hyper_parameters = {'num_features': 64, 'num_rg': 10, 'num_rcab': 20, 'reduction': 16}
    # Published for x2, trained on DIV2K: Set5 38.27 dB, Set14 34.12, BSD100 32.41, Urban100 33.34.
    recipe = {
        'scales': (2,),
        'batch_size': 160,
        'input_patch_size': 48,
        'num_epochs': 600,
        'loss': 'l1',
        'learning_rate': 1e-4,
        'loss_scale': '128',
    }

    def __init__(self, scales, **hyper_parameters):
        super().__init__(scales, **hyper_parameters)
        if not 1 <= self.reduction <= self.num_features:
            raise UsageError('--rcan_reduction=%d: is not between 1 and --rcan_num_features=%d'
                             % (self.reduction, self.num_features))

    @classmethod
    def from_shapes(cls, shapes):
        upscale = shapes.get('generator/upscale/0/kernel')
        squeeze = shapes.get('generator/rgs/0/module/0/module/3/module/1/kernel')
        if upscale is None or squeeze is None:
            return None
        groups = layers.count(shapes, 'generator/rgs/%d/module/0/module/0/kernel')
        blocks = layers.count(shapes, 'generator/rgs/0/module/%d/module/0/kernel')
        scale = round(math.sqrt(upscale[3] // upscale[2]))
        return cls([scale], num_features=upscale[2], num_rg=groups, num_rcab=blocks,
                   reduction=squeeze[2] // squeeze[3])

    def build(self, images, scale):
        with layers.precisely():
            first = x = self._conv2d(images, 'sf')
        for group in range(self.num_rg):
            with tf.variable_scope('rgs/%d/module' % group):
                x = self._residual_group(x)
        x = self._conv2d(x, 'conv1') + first
        x = layers.conv2d(x, self.num_features * scale ** 2, 3, 'upscale/0', layers.fan_in_uniform)
        x = layers.enlarge(x, scale)
        with layers.precisely():
            return [layers.conv2d(x, self.channels, 3, 'conv2', layers.fan_in_uniform)]

    def features_at_once(self, scale):
        return self.num_features * (4 + 3 * scale ** 2)

    def shuffled(self):
        return {'upscale/0': self.scales[0]}

    def _residual_group(self, x):
        before = x
        for block in range(self.num_rcab):
            with tf.variable_scope('%d/module' % block):
                x = recompute.block(self._residual_block, x)
        return self._conv2d(x, str(self.num_rcab)) + before

    def _residual_block(self, x):
        residual = tf.nn.relu(self._conv2d(x, '0'))
        residual = self._conv2d(residual, '2')
        with tf.variable_scope('3/module'):
            return x + residual * self._attention(residual)

    def _attention(self, x):
        """A weight for each channel, the same for all places."""
        x = padding.mean(x)
        x = layers.conv2d(x, self.num_features // self.reduction, 1, '1', layers.fan_in_uniform)
        x = layers.conv2d(tf.nn.relu(x), self.num_features, 1, '3', layers.fan_in_uniform)
        return tf.sigmoid(x)

    def _conv2d(self, x, name):
        return layers.conv2d(x, self.num_features, 3, name, layers.fan_in_uniform)

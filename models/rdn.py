"""RDN, the Residual Dense Network (Zhang et al., 2018).

In a block every layer reads what all layers before it wrote; a 1x1 convolution fuses a block's
layers, and another one all blocks.
"""
import math

from models import layers, recompute
from models.unit_range import UnitRange
from sr_tf.compat import tf
from sr_tf.errors import UsageError


class RDN(UnitRange):
    hyper_parameters = {'num_features': 64, 'growth_rate': 64, 'num_blocks': 16, 'num_layers': 8}
    # Published for x2, trained on DIV2K: Set5 38.24 dB, Set14 34.01, BSD100 32.34, Urban100 32.89.
    recipe = {
        'scales': (2,),
        'batch_size': 64,
        'input_patch_size': 32,
        'num_epochs': 800,
        'loss': 'l1',
        'learning_rate': 1e-4,
        'lr_schedule': 'step',
        'lr_decay_rate': 0.1,
        'lr_decay_epochs': 600,
        'loss_scale': '32',
    }

    def __init__(self, scales, **hyper_parameters):
        super().__init__(scales, **hyper_parameters)
        if self.num_blocks < 1:
            raise UsageError('--rdn_num_blocks=%d: a network needs one' % self.num_blocks)
        if self.num_features != self.growth_rate:
            raise UsageError('--rdn_growth_rate=%d: differs from --rdn_num_features=%d, to whose '
                             'result a block adds its own' % (self.growth_rate, self.num_features))

    @classmethod
    def from_shapes(cls, shapes):
        upscale = shapes.get('generator/upscale/0/kernel')
        dense = shapes.get('generator/rdbs/0/layers/0/conv/kernel')
        if upscale is None or dense is None:
            return None
        doubled = 'generator/upscale/2/kernel' in shapes
        scale = 4 if doubled else round(math.sqrt(upscale[3] // upscale[2]))
        return cls([scale], num_features=dense[2], growth_rate=dense[3],
                   num_blocks=layers.count(shapes, 'generator/rdbs/%d/lff/kernel'),
                   num_layers=layers.count(shapes, 'generator/rdbs/0/layers/%d/conv/kernel'))

    def build(self, images, scale):
        with layers.precisely():
            first = self._conv2d(images, self.num_features, 'sfe1')
        x = self._conv2d(first, self.num_features, 'sfe2')
        blocks = []
        for block in range(self.num_blocks):
            with tf.variable_scope('rdbs/%d' % block):
                x = recompute.block(self._dense_block, x)
            blocks.append(x)
        x = self._conv2d(layers.side_by_side(*blocks), self.num_features, 'gff/0', size=1)
        x = self._conv2d(x, self.num_features, 'gff/1') + first
        for name, factor in self._enlargements(scale):
            x = self._conv2d(x, self.num_features * factor ** 2, name)
            x = layers.enlarge(x, factor)
        with layers.precisely():
            return [self._conv2d(x, self.channels, 'output')]

    def receptive_radius(self, scale):
        return 2 + self.num_blocks * self.num_layers + 1 + layers.ENLARGING_RADIUS

    def features_at_once(self, scale):
        return self.num_features * max(self.num_layers + 10, 3 * scale ** 2 + 4)

    def shuffled(self):
        return dict(self._enlargements(self.scales[0]))

    @staticmethod
    def _enlargements(scale):
        # Every other position of the original's list is the shuffle itself.
        factors = [3] if scale == 3 else [2] * (scale // 2)
        return [('upscale/%d' % (2 * index), factor) for index, factor in enumerate(factors)]

    def _dense_block(self, x):
        known = x
        for layer in range(self.num_layers):
            new = tf.nn.relu(self._conv2d(known, self.growth_rate, 'layers/%d/conv' % layer))
            known = layers.side_by_side(known, new)
        return x + self._conv2d(known, self.growth_rate, 'lff', size=1)

    def _conv2d(self, x, features, name, size=3):
        return layers.conv2d(x, features, size, name, layers.fan_in_uniform)

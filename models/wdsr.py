"""WDSR (Yu et al., 2018): residual blocks that are wide before the activation, narrow after it."""
import math

import numpy as np

from models import layers, recompute
from models.base_model import BaseModel
from sr_tf.compat import tf

MEAN = (0.4488 * 255, 0.4371 * 255, 0.4040 * 255)
RANGE = 127.5
EXPANSION = 6
BOTTLENECK = 0.8


class WDSR(BaseModel):
    hyper_parameters = {'num_blocks': 16, 'num_features': 64, 'weight_norm': False}
    # Published for x2 at this size, trained on DIV2K: Set5 38.08 dB, BSD100 32.23.
    recipe = {
        'scales': (2,),
        'batch_size': 16,
        'input_patch_size': 48,
        'max_steps': 100000,
        'loss': 'l1',
        'learning_rate': 1e-4,
        'lr_schedule': 'step',
        'lr_decay_rate': 0.5,
        'lr_decay_steps': 20000,
        'loss_scale': 'dynamic',
    }

    constants = {
        'sub_mean/kernel': np.eye(3).reshape(1, 1, 3, 3),
        'sub_mean/bias': -np.array(MEAN),
        'add_mean/kernel': np.eye(3).reshape(1, 1, 3, 3),
        'add_mean/bias': np.array(MEAN),
    }

    @classmethod
    def from_shapes(cls, shapes):
        head = shapes.get('generator/head/0/kernel')
        tail = shapes.get('generator/tail/0/kernel')
        if head is None or tail is None or 'generator/body/0/body/3/kernel' not in shapes:
            return None
        return cls([round(math.sqrt(tail[3] // 3))], num_features=head[3],
                   num_blocks=layers.count(shapes, 'generator/body/%d/body/0/kernel'),
                   weight_norm='generator/head/0/gain' in shapes)

    def build(self, images, scale):
        with layers.precisely():
            images = (images - MEAN) / RANGE
            x = self._conv2d(images, self.num_features, 3, 'head/0')
        for block in range(self.num_blocks):
            with tf.variable_scope('body/%d/body' % block):
                x = recompute.block(self._residual_block, x)
        with layers.precisely():
            x = self._conv2d(x, self.channels * scale ** 2, 3, 'tail/0')
            x += self._conv2d(images, self.channels * scale ** 2, 5, 'skip/0')
            return [layers.enlarge(x, scale) * RANGE + MEAN]

    def receptive_radius(self, scale):
        return 1 + self.num_blocks + 1

    def features_at_once(self, scale):
        return 2 * EXPANSION * self.num_features + 4 * self.channels * scale ** 2

    def shuffled(self):
        return dict.fromkeys(['tail/0', 'skip/0'], self.scales[0])

    def _residual_block(self, x):
        wide = tf.nn.relu(self._conv2d(x, EXPANSION * self.num_features, 1, '0'))
        narrow = self._conv2d(wide, int(BOTTLENECK * self.num_features), 1, '2')
        return x + self._conv2d(narrow, self.num_features, 3, '3')

    def _conv2d(self, x, features, size, name):
        return layers.conv2d(x, features, size, name, layers.fan_in_uniform,
                             weight_norm=self.weight_norm)

"""BSRN, the Block State-based Recursive Network (Choi, Kim, Cheon and Lee, 2018).

One residual module is applied again and again; beside the features x it carries a state, which
remembers what the earlier recursions did.  Each recursion gives a picture, and the pictures are
averaged with weights that double from one to the next.
"""
import functools
import math

import numpy as np

from models import layers, recompute
from models.base_model import BaseModel
from sr_tf.compat import tf
from sr_tf.errors import UsageError


class BSRN(BaseModel):
    hyper_parameters = {
        'conv_features': 64,
        'state_features': 64,
        'recursions': 16,
        'recursion_frequency': 1,
        'rgb_mean': (127.5, 127.5, 127.5),
    }
    # Published for x4 on BSD100, trained on DIV2K: 27.54 dB, SSIM 0.734.
    recipe = {
        'scales': (2, 3, 4),
        'batch_size': 8,
        'input_patch_size': 48,
        'max_steps': 1000000,
        'loss': 'l1',
        'learning_rate': 1e-4,
        'lr_schedule': 'step',
        'lr_decay_rate': 0.5,
        'lr_decay_steps': 200000,
        'adam_epsilon': 1e-8,
        'clip_norm': 5.0,
    }
    flag_aliases = {
        'bsrn_model_scales': 'model_scales',
        'bsrn_learning_rate': 'learning_rate',
        'bsrn_learning_rate_decay': 'lr_decay_rate',
        'bsrn_learning_rate_decay_steps': 'lr_decay_steps',
        'bsrn_adam_epsilon': 'adam_epsilon',
        'bsrn_clip_norm': 'clip_norm',
        'bsrn_intermediate_outputs': 'intermediate',
    }
    all_scales = (2, 3, 4, 8)
    multi_scale = True
    combines_outputs = True

    def __init__(self, scales, **hyper_parameters):
        super().__init__(scales, **hyper_parameters)
        if not 1 <= self.recursion_frequency <= self.recursions:
            raise UsageError('--bsrn_recursion_frequency=%d: is not between 1 and '
                             '--bsrn_recursions=%d' % (self.recursion_frequency, self.recursions))

    @classmethod
    def from_shapes(cls, shapes):
        first = shapes.get('generator/first_conv/conv2d/kernel')
        recursive = shapes.get('generator/residual_modules/conv2d/kernel')
        scales = {int(name.split('/')[2][1:]) for name in shapes
                  if name.startswith('generator/upscale/x')}
        if first is None or recursive is None or not scales:
            return None
        return cls(sorted(scales), conv_features=first[3],
                   state_features=recursive[3] - first[3])

    def build(self, images, scale):
        with tf.variable_scope('first_conv'), layers.precisely():
            x = layers.conv2d(images - self.rgb_mean, self.conv_features, 3)
        state = self._zero_state(x)
        outputs = []
        for recursion in range(1, self.recursions + 1):
            x, state = recompute.block(self._residual_module, x, state)
            if recursion % self.recursion_frequency == 0:
                outputs.append(recompute.block(functools.partial(self._upscaled, scale), x))
        return outputs

    def receptive_radius(self, scale):
        return 1 + 3 * self.recursions + layers.ENLARGING_RADIUS

    def features_at_once(self, scale):
        # Two recursions are at work at once, one on its last enlargement.
        return 2 * (self.conv_features + self.state_features) + 4 * self.conv_features * scale ** 2

    def _zero_state(self, x):
        state = tf.zeros(tf.concat([tf.shape(x)[:-1], [self.state_features]], 0))
        state.set_shape(x.shape[:-1].concatenate(self.state_features))
        return state

    def _residual_module(self, x, state):
        fan_in = 9 * (self.conv_features + self.state_features)
        small = functools.partial(tf.random_normal_initializer, stddev=math.sqrt(1e-4 / fan_in))
        with tf.variable_scope('residual_modules', reuse=tf.AUTO_REUSE):
            residual = self._stateful_conv2d(tf.concat([x, state], -1), 'conv2d', small)
            residual = self._stateful_conv2d(tf.nn.relu(residual), 'conv2d_1', small)
            x, state = self._add(x, residual)
            return self._add(x, self._stateful_conv2d(tf.concat([x, state], -1), 'conv2d_2'))

    def _stateful_conv2d(self, x, name, initializer=None):
        return layers.conv2d(x, self.conv_features + self.state_features, 3, name, initializer)

    def _add(self, x, residual):
        change, state = tf.split(residual, [self.conv_features, self.state_features], -1)
        return x + change, state

    def _upscaled(self, scale, x):
        factors = [3] if scale == 3 else [2] * int(math.log2(scale))
        with tf.variable_scope('upscale/x%d' % scale):
            for index, factor in enumerate(factors):
                name = 'conv2d_%d' % index if index else 'conv2d'
                x = layers.conv2d(x, self.conv_features * factor ** 2, 3, name)
                x = layers.enlarge(tf.nn.relu(x), factor)
        last = 'last_conv/x%d' % scale if len(self.scales) > 1 else 'last_conv'
        with tf.variable_scope(last), layers.precisely():
            return layers.conv2d(x, 3, 3) + self.rgb_mean

    def other_names(self, name):
        scope = 'generator/last_conv/'
        if len(self.scales) > 1 or not name.startswith(scope):
            return ()
        return [name.replace(scope, '%sx%d/' % (scope, self.scales[0]))]

    def output_numbers(self):
        return range(self.recursion_frequency, self.recursions + 1, self.recursion_frequency)

    def loss(self, outputs, truth, distance):
        return sum(weight * distance(output, truth)
                   for weight, output in zip(self._weights_of(outputs), outputs))

    def image(self, outputs):
        return sum(weight * output for weight, output in zip(self._weights_of(outputs), outputs))

    def _weights_of(self, outputs):
        """Each recursion has twice the weight of the one before, also if that has no output."""
        weights = 2.0 ** (self.recursion_frequency * np.arange(1 - len(outputs), 1))
        return [float(weight) for weight in weights / weights.sum()]

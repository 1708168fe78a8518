"""From a loss to changed weights: Adam, clipping, accumulation, loss scaling and the average."""
import math
from collections import namedtuple

from sr_tf.compat import tf

TrainStep = namedtuple('TrainStep', 'accumulate apply loss gradient_norm weight_norm stops')
TrainStep.__doc__ = """The operations of one micro-batch.

Run `apply` for the last micro-batch of a step and `accumulate` for those before it; `accumulate`
is None when a step has only one. `gradient_norm` is infinite or NaN when the gradient is, and
`weight_norm`, of the changed weights, when one of them is.
The loss is the mean over all micro-batches and processes.
`stops` is positive when any process fed 1 to the optimizer's `stop`.
"""

DYNAMIC_LOSS_SCALE = 2.0 ** 15
LOSS_SCALE_GROWS_AFTER = 2000


class Optimizer:
    """Shared by the train steps of all scales, in whose graph it is made.

    engine: averages gradients, losses and the wish to stop over all processes.
    loss_scale: None, a number, or 'dynamic'. With one, a step whose gradient overflows changes
        nothing; 'dynamic' then halves the scale, and doubles it after many good steps.
    ema_decay: None, or the decay of the average of the weights that is kept beside them.
    overflows: gives scalars above 0 when computing some tensors overflowed; for chips on which
        that leaves no infinities.
    """

    def __init__(self, engine, epsilon, clip_norm=None, micro_batches=1, loss_scale=None,
                 ema_decay=None, overflows=lambda tensors: []):
        self._engine = engine
        self.learning_rate = tf.placeholder(tf.float32, [], 'learning_rate')
        self.stop = tf.placeholder(tf.float32, [], 'stop')
        self.global_step = tf.train.get_or_create_global_step()
        self._adam = tf.train.AdamOptimizer(self.learning_rate, epsilon=epsilon)
        self._clip_norm = clip_norm
        self._micro_batches = micro_batches
        self._scaler = LossScaler(loss_scale) if loss_scale else None
        self._average = (tf.train.ExponentialMovingAverage(ema_decay, self.global_step)
                         if ema_decay else None)
        self._overflows = overflows
        self._sums = {}

    def train_step(self, loss, vectors):
        """vectors: the `Vector`s of the weights that the loss was computed with."""
        scaled = self._scaler.scaled(loss) if self._scaler else loss
        gradients = _gradients(scaled, vectors)
        others = [loss]
        if self._scaler:
            others += self._overflows(gradients)
            gradients = [self._scaler.unscaled(gradient) for gradient in gradients]
        if self._micro_batches == 1:
            return self._apply(gradients, vectors, others)
        parts = gradients + others
        sums = ([self._sum(vector.name, vector.variable.shape) for vector in vectors]
                + [self._sum(name, []) for name, _ in zip(('loss', 'overflow'), others)])
        accumulate = tf.group(*[tf.assign_add(total, part) for total, part in zip(sums, parts)])
        means = [(total + part) / self._micro_batches for total, part in zip(sums, parts)]
        step = self._apply(means[:len(gradients)], vectors, means[len(gradients):])
        with tf.control_dependencies([step.apply, step.loss]):
            emptied = tf.group(*[tf.assign(total, tf.zeros_like(total)) for total in sums])
        return step._replace(accumulate=accumulate, apply=emptied)

    def _apply(self, gradients, vectors, others):
        """The step that the mean of all processes' gradients makes."""
        averaged = self._engine.average(gradients + others + [self.stop])
        gradients, (loss, *overflows, stops) = averaged[:len(gradients)], averaged[len(gradients):]
        norm = tf.global_norm(gradients)
        finite = tf.reduce_all([tf.is_finite(norm)] + [tf.equal(flag, 0) for flag in overflows])
        if overflows:
            norm = tf.where(finite, norm, math.inf)
        if self._clip_norm:
            gradients = [self._clipped(gradient, vector)
                         for gradient, vector in zip(gradients, vectors)]
        variables = [vector.variable for vector in vectors]

        def update():
            # Within the condition of a loss scale, Adam's own variables keep their names.
            with tf.name_scope(None):
                changed = self._adam.apply_gradients(list(zip(gradients, variables)))
            if self._average is None:
                return changed
            with tf.control_dependencies([changed]):
                return self._average.apply(variables)

        changed = self._scaler.guarded(finite, update) if self._scaler else update()
        with tf.control_dependencies([changed]):
            counted = tf.assign_add(self.global_step, 1)
        with tf.control_dependencies([counted]):
            weight_norm = tf.global_norm([variable.read_value() for variable in variables])
        return TrainStep(None, weight_norm.op, loss, norm, weight_norm, stops)

    def _clipped(self, gradient, vector):
        """With each weight's own gradient no longer than the limit."""
        return vector.join([tf.clip_by_norm(part, self._clip_norm)
                            for part in vector.split(gradient).values()])

    def _sum(self, name, shape):
        """Where something is summed over micro-batches; not part of a checkpoint."""
        if name not in self._sums:
            self._sums[name] = tf.get_variable(
                name + '/sum', shape, tf.float32, tf.zeros_initializer(),
                trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
        return self._sums[name]


def _gradients(loss, vectors):
    """The gradient of each vector; zero where the loss does not depend on a weight."""
    parts = iter(tf.gradients(loss, [part for vector in vectors
                                     for part in vector.tensors.values()]))
    return [vector.join([next(parts) for _ in vector.tensors]) for vector in vectors]


class LossScaler:
    """Multiplies the loss, so that gradients do not underflow in float16, and undoes it."""

    def __init__(self, scale):
        self._adapts = scale == 'dynamic'
        if self._adapts:
            self._scale = _state('loss_scale', DYNAMIC_LOSS_SCALE)
            self._good_steps = _state('good_steps', 0.0)
        else:
            self._scale = float(scale)

    def scaled(self, loss):
        return loss * self._scale

    def unscaled(self, gradient):
        return gradient / self._scale

    def guarded(self, finite, update):
        """Runs the update only for a finite gradient, and adapts the scale to what was found."""
        def updated():
            with tf.control_dependencies([update()]):
                return tf.identity(finite)

        was_finite = tf.cond(finite, updated, lambda: tf.identity(finite))
        return self._adapted(was_finite) if self._adapts else was_finite.op

    def _adapted(self, finite):
        good_steps = tf.where(finite, self._good_steps + 1, 0.0)
        grows = good_steps >= LOSS_SCALE_GROWS_AFTER
        scale = tf.where(finite, tf.where(grows, 2 * self._scale, 1 * self._scale),
                         tf.maximum(self._scale / 2, 1.0))
        # Both new values before either variable changes.
        with tf.control_dependencies([scale, good_steps, grows]):
            return tf.group(tf.assign(self._scale, scale),
                            tf.assign(self._good_steps, tf.where(grows, 0.0, good_steps)))


def _state(name, value):
    return tf.get_variable(name, [], tf.float32, tf.constant_initializer(value), trainable=False)

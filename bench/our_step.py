"""Trains as train.py does, so many steps whenever it is asked, and says how long each took.

The first question names the model and how to train it, each other one a number of steps. It is the
very loop of train.py, with one batch that is always there in place of a sampler's.
"""
import tempfile
import time

import numpy as np

import models
from bench.answering import Questions, memory
from sr_tf.chips.session import Chip
from sr_tf.compat import tensorflow_version, tf
from sr_tf.data.waiting import timed
from sr_tf.distributed.engine import Engine
from sr_tf.flags import RECIPE
from sr_tf.training.schedule import Schedule
from sr_tf.training.start import FRESH
from sr_tf.training.trainer import Plan, train


def main():
    questions = Questions()
    tensorflow_version()
    before, _ = memory()
    asked = questions.next()
    model = models.find(asked['network'])([asked['scale']])
    recipe = dict(RECIPE, **model.recipe)
    questions.answer()
    batch = ConstantBatch(model, asked['batch'], asked['patch'], Turns(questions, before))
    chip = Chip('cpu', asked['precision'])
    with tempfile.TemporaryDirectory() as folder:
        train(model, batch, plan(recipe, asked['recompute']), chip, Engine(), folder, FRESH)


def plan(recipe, recompute):
    """Nothing but steps: no log, checkpoints or validation."""
    nothing = dict.fromkeys(Plan._fields, 0)
    return Plan(**dict(nothing, recipe=recipe, recompute=recompute, loss_scale=None,
                       max_steps=10 ** 9, arguments={},
                       schedule=Schedule('constant', recipe['learning_rate'])))


class ConstantBatch:
    """Stands in for a `Sampler`."""

    def __init__(self, model, batch_size, patch_size, turns):
        draw = np.random.RandomState(0)
        self.scales = model.scales
        self.batch_size = batch_size
        truth_size = patch_size * (1 if model.input_is_enlarged else model.scales[0])
        self._pair = tuple(draw.randint(0, 256, (batch_size, size, size, 3)).astype(np.uint8)
                           for size in (patch_size, truth_size))
        self._turns = turns

    def timed_batches(self, scale, first_step):
        return tf.data.make_initializable_iterator(
            timed(tf.data.Dataset.from_tensors(self._pair).repeat()))

    def scale_order(self):
        def scale_of(_):
            self._turns.step()
            return self.scales[0]

        return scale_of


class Turns:
    """Is told that a step begins; waits there when all that were asked for have been made."""

    def __init__(self, questions, memory_before):
        self._questions = questions
        self._before = memory_before
        self._left = 0
        self._seconds = []
        self._began = None

    def step(self):
        now = time.perf_counter()
        if self._left:
            self._seconds.append(now - self._began)
            self._left -= 1
        if not self._left:
            self._answer()
            self._left = self._questions.next()['steps']
        self._began = time.perf_counter()

    def _answer(self):
        if self._seconds:
            _, peak = memory()
            self._questions.answer(seconds=self._seconds, peak=peak, grew=peak - self._before)
        self._seconds = []


if __name__ == '__main__':
    main()

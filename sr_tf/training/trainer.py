"""Training: from a sampler's batches to checkpoints, in one loop."""
import math
import os
import signal
import sys
import time
from collections import namedtuple

import numpy as np

from sr_tf import checkpoint
from sr_tf.compat import tensorflow_version, tf
from sr_tf.errors import UserError
from sr_tf.training.journal import Journal
from sr_tf.training.losses import LOSSES
from sr_tf.training.optimizer import Optimizer
from sr_tf.training.start import begin
from sr_tf.version import VERSION

Plan = namedtuple('Plan', 'recipe schedule max_steps seed loss_scale log_freq summary_freq '
                          'save_freq save_max_keep validate_freq sleep_ratio')
Plan.__doc__ = """How to train.

`recipe` holds what makes the result: loss, batch_size, adam_epsilon, clip_norm, ema_decay and
accumulate_steps among others; it is kept beside each checkpoint.  The frequencies are in steps,
0 for never.
"""

_Tower = namedtuple('_Tower', 'iterator step sample')


def train(model, sampler, plan, chip, folder, start, validate=None):
    """Trains until `plan.max_steps`; returns the signal that ended it earlier, or None.

    `start` says from which weights (see `start.Start`); `validate(checkpoint)` returns the PSNR
    by which the best checkpoint is kept in `folder/best`.
    """
    checkpoint.sweep(folder)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(plan.seed)
        first_step = tf.placeholder(tf.int64, [], 'first_step')
        optimizer = Optimizer(plan.recipe['adam_epsilon'], plan.recipe['clip_norm'],
                              plan.recipe['accumulate_steps'], plan.loss_scale,
                              plan.recipe['ema_decay'])
        towers = _towers(model, sampler, optimizer, LOSSES[plan.recipe['loss']], first_step)
        saver = tf.train.Saver(max_to_keep=None)
        initialize = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())
        iterators = [tower.iterator.initializer for tower in towers.values()]
        scale_of = sampler.scale_order()
        graph.finalize()

        with chip.session(graph) as session, _Signals() as signals:
            session.run(initialize)
            step = begin(session, start, graph)
            session.run(iterators, {first_step: step})
            journal = Journal(folder, step, plan.max_steps)
            keeper = _Keeper(saver, session, folder, plan, model, validate, journal)
            micro_batches = plan.recipe['accumulate_steps']

            while step < plan.max_steps and not signals.received:
                began = time.time()
                scale = scale_of(step)
                tower = towers[scale]
                feed = {optimizer.learning_rate: plan.schedule(step)}

                losses = []
                for _ in range(micro_batches - 1):
                    _, loss = session.run([tower.step.accumulate, tower.step.loss], feed)
                    losses.append(loss)
                _, loss, norm, sample = session.run(
                    [tower.step.apply, tower.step.loss, tower.step.gradient_norm, tower.sample],
                    feed)
                loss = float(np.mean(losses + [loss]))
                step += 1

                if not math.isfinite(loss) or not (math.isfinite(norm) or plan.loss_scale):
                    journal.close()
                    raise UserError(_diverged(step, loss, folder))
                journal.step(step, loss)
                if _due(step, plan.log_freq, plan.max_steps):
                    journal.report(step, scale, plan.schedule(step - 1), float(norm),
                                   micro_batches * sampler.batch_size * sampler.shard.size)
                if _due(step, plan.summary_freq):
                    journal.pictures(step, dict(zip(('input', 'output', 'truth'), sample)))
                if _due(step, plan.validate_freq, plan.max_steps) and validate:
                    keeper.validate(step)
                if _due(step, plan.save_freq, plan.max_steps):
                    keeper.save(step)
                time.sleep(plan.sleep_ratio * (time.time() - began))

            keeper.save(step)
            journal.close()
            return signals.received


def _towers(model, sampler, optimizer, distance, first_step):
    """For each scale its own batches, network and train step, over shared variables."""
    towers = {}
    for scale in model.scales:
        if scale not in sampler.scales:
            # Not trained, but its weights are part of the model and of its checkpoints.
            model.network(tf.zeros([1, 8, 8, model.channels]), scale)
            continue
        iterator = sampler.batches(scale, first_step)
        lr, hr = (tf.cast(batch, tf.float32) for batch in iterator.get_next())
        outputs = model.network(model.from_rgb(lr), scale)
        loss = model.loss(outputs, model.from_rgb(hr), distance)
        output = model.to_rgb(model.image([output[:1] for output in outputs]), lr[:1])
        towers[scale] = _Tower(iterator, optimizer.train_step(loss, model.variables()),
                               (lr[0], output[0], hr[0]))
    return towers


def _due(step, frequency, last=None):
    return bool(frequency) and (step % frequency == 0 or step == last)


class _Keeper:
    """Saves checkpoints, and keeps the one that scores best."""

    def __init__(self, saver, session, folder, plan, model, validate, journal):
        self._saver = saver
        self._session = session
        self._folder = folder
        self._plan = plan
        self._model = model
        self._validate = validate
        self._journal = journal
        self._best_folder = os.path.join(folder, 'best')
        self._saved = None

    def save(self, step):
        """Returns the checkpoint's path; a step is saved once."""
        prefix = os.path.join(self._folder, '%s-%d' % (checkpoint.NAME, step))
        if prefix != self._saved and prefix not in checkpoint.in_folder(self._folder):
            self._saved = checkpoint.save(self._saver, self._session, self._folder, step,
                                          self._metadata(step), self._plan.save_max_keep)
        return prefix

    def validate(self, step):
        prefix = self.save(step)
        psnr = self._validate(prefix)
        self._journal.validated(step, psnr)
        checkpoint.write_metadata(prefix, dict(self._metadata(step), score=psnr))
        if psnr > self._best_score():
            checkpoint.copy(prefix, self._best_folder)

    def _best_score(self):
        kept = checkpoint.in_folder(self._best_folder)
        return checkpoint.read_metadata(kept[-1])['score'] if kept else -math.inf

    def _metadata(self, step):
        return {
            'model': self._model.name(),
            'hyper_parameters': self._model.hyper_parameters,
            'scales': self._model.scales,
            'step': step,
            'seed': self._plan.seed,
            'recipe': self._plan.recipe,
            'versions': {'sr_tf': VERSION, 'tensorflow': tensorflow_version(),
                         'numpy': np.__version__, 'python': sys.version.split()[0]},
            'score': None,
        }


class _Signals:
    """Catches the first Ctrl-C or SIGTERM, so that the step ends and is saved."""

    received = None

    def __enter__(self):
        self._previous = {number: signal.signal(number, self._receive)
                          for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number, _):
        self.received = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)
        print('\n%s: saving, one moment' % self.received.name, file=sys.stderr)


def _diverged(step, loss, folder):
    kept = checkpoint.in_folder(folder)
    advice = ('the last good checkpoint is %s' % kept[-1]) if kept else 'nothing was saved yet'
    return ('step %d: the loss or its gradient is no longer a number (loss %s); %s; try a lower '
            '--learning_rate or --clip_norm=1' % (step, loss, advice))

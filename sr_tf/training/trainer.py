"""Training: from a sampler's batches to checkpoints, in one loop."""
import contextlib
import signal
import time
from collections import namedtuple

import numpy as np

from models import kernel_gradients, layers
from models.recompute import recomputing
from models.weights import taken_from
from sr_tf import checkpoint
from sr_tf.compat import tf
from sr_tf.errors import UserError
from sr_tf.training.journal import Journal, Silence
from sr_tf.training.keeper import Keeper
from sr_tf.training.losses import LOSSES
from sr_tf.training.optimizer import Optimizer
from sr_tf.training.profiler import Profiler
from sr_tf.training.signals import Signals
from sr_tf.training.start import begin
from sr_tf.training.state import State
from sr_tf.training.vector import Weights
from sr_tf.training.watchdog import Watchdog

Plan = namedtuple('Plan', 'recipe schedule max_steps seed loss_scale recompute log_freq '
                          'summary_freq save_freq save_max_keep validate_freq sleep_ratio '
                          'step_timeout profile arguments')
Plan.__doc__ = """How to train.

`recipe` holds what makes the result: loss, batch_size, adam_epsilon, clip_norm, ema_decay and
accumulate_steps among others; it is kept beside each checkpoint, and `arguments`, the command
line, in the run's folder.  With `recompute` it takes less memory and more time.  The frequencies
are in steps, 0 for never.
"""

LONGEST_SLEEP = 10.0  # seconds
MOST_SKIPPED = 200  # steps in a row; a loss scale of 2^126 has halved down to 1 before

_Tower = namedtuple('_Tower', 'iterator step sample data_wait')


def train(model, sampler, plan, chip, engine, folder, start, validation=None):
    """Trains until `plan.max_steps`; returns the signal that ended it earlier, or None.

    `start` says from which weights (see `start.Start`).  By the mean of the scores of `validation`,
    a `Validation`, the best checkpoint is kept in `folder/best`.  Files are written by the engine's
    chief alone.
    """
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(plan.seed)
        first_step = tf.placeholder(tf.int64, [], 'first_step')
        optimizer = Optimizer(engine, plan.recipe['adam_epsilon'], plan.recipe['clip_norm'],
                              plan.recipe['accumulate_steps'], plan.loss_scale,
                              plan.recipe['ema_decay'], chip.overflows)
        weights = Weights(model)
        towers = _towers(model, weights, sampler, optimizer, plan, first_step, chip)
        state = State(weights.vectors())
        keeper = Keeper(folder, plan, model, state, engine, validation)
        initialize = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())
        broadcast = engine.broadcast(tf.global_variables())
        iterators = [tower.iterator.initializer for tower in towers.values()]
        scale_of = sampler.scale_order()
        graph.finalize()

        with engine.session(chip, graph) as session, Signals() as signals, \
                Watchdog(plan.step_timeout, engine.rank) as watchdog:
            session.run(initialize)
            if engine.is_chief:
                begin(session, start, state, lambda: weights.initial_values(plan.seed),
                      model.other_names)
            else:
                # All run the same graphs, which HCCL counts; the values come with the broadcast.
                state.assign(session, {})
            session.run(broadcast)
            step = int(session.run(optimizer.global_step))
            keeper.require_own_best(step)
            watchdog.beat(step)
            session.run(iterators, {first_step: step})
            keep_journal = Journal if engine.is_chief else Silence
            journal = keep_journal(folder, step, plan.max_steps)
            journal.arguments(plan.arguments)
            profiler = Profiler(session, folder, plan.profile and engine.is_chief, step)
            micro_batches = plan.recipe['accumulate_steps']
            skipped = 0
            stopping = False

            def validate():
                began = time.monotonic()
                psnr = keeper.validate(session, step, lambda: watchdog.beat(step))
                journal.validated(step, psnr, time.monotonic() - began)

            if (step and validation and _due(step, plan.validate_freq, plan.max_steps)
                    and keeper.owes_score(session, step)):
                validate()
            while step < plan.max_steps and not stopping:
                began = time.monotonic()
                scale = scale_of(step)
                tower = towers[scale]
                feed = {optimizer.learning_rate: plan.schedule(step),
                        optimizer.stop: bool(signals.received)}

                data_waits = [session.run([tower.data_wait, tower.step.accumulate], feed)[0]
                              for _ in range(micro_batches - 1)]
                _, loss, norm, weight_norm, stops, sample, data_wait = profiler.run(
                    step + 1,
                    [tower.step.apply, tower.step.loss, tower.step.gradient_norm,
                     tower.step.weight_norm, tower.step.stops, tower.sample, tower.data_wait],
                    feed)
                step += 1
                watchdog.beat(step)

                # With a loss scale, a step whose gradient is not finite changes nothing.
                if not np.isfinite([loss, weight_norm, 0 if plan.loss_scale else norm]).all():
                    journal.close()
                    raise UserError(_diverged(step, loss, folder))
                skipped = 0 if np.isfinite(norm) else skipped + 1
                if skipped == MOST_SKIPPED:
                    journal.close()
                    raise UserError(_overflown(step, folder))
                # Several processes must stop at the same step, so their wish takes one more.
                stopping = stops > 0 or (signals.received and engine.size == 1)
                journal.step(step, float(loss), sum(data_waits, data_wait))
                if _due(step, plan.log_freq, plan.max_steps):
                    journal.report(step, scale, plan.schedule(step - 1), float(norm),
                                   micro_batches * sampler.batch_size * engine.size)
                if _due(step, plan.summary_freq):
                    journal.pictures(step, dict(zip(('input', 'output', 'truth'), sample)))
                if _due(step, plan.validate_freq, plan.max_steps) and validation:
                    validate()
                if _due(step, plan.save_freq, plan.max_steps):
                    keeper.save(session, step)
                time.sleep(min(LONGEST_SLEEP, plan.sleep_ratio * (time.monotonic() - began)))
                watchdog.beat(step)

            keeper.save(session, step)
            journal.close()
            # Where another process was told to stop, this one was as well.
            return signals.received or (signal.SIGTERM if step < plan.max_steps else None)


@contextlib.contextmanager
def _ways_to_compute(plan, chip):
    """A context for networks and their gradients."""
    with contextlib.ExitStack() as ways:
        if plan.recompute:
            ways.enter_context(recomputing())
        if chip.kind == 'cpu':
            ways.enter_context(kernel_gradients.quick(chip.prefers_products))
        yield


def _towers(model, weights, sampler, optimizer, plan, first_step, chip):
    """For each scale its own batches, network and train step, over shared weights."""
    towers = {}
    for scale in sampler.scales:
        iterator = sampler.timed_batches(scale, first_step)
        batch, data_wait = iterator.get_next()
        lr, hr = (tf.cast(patches, tf.float32) for patches in batch)
        with _ways_to_compute(plan, chip):
            with taken_from(weights.tensors(scale)), layers.keeping_precision(chip.full_precision):
                outputs = model.network(model.from_rgb(lr), scale)
            with chip.full_precision():
                loss = model.loss(outputs, model.from_rgb(hr), LOSSES[plan.recipe['loss']])
            step = optimizer.train_step(loss, weights.vectors(scale))
        output = model.to_rgb(model.image([output[:1] for output in outputs]), lr[:1])
        towers[scale] = _Tower(iterator, step, (lr[0], output[0], hr[0]), data_wait)
    return towers


def _due(step, frequency, last=None):
    return bool(frequency) and (step % frequency == 0 or step == last)


def _overflown(step, folder):
    return ('step %d: the gradients of %d steps overflowed one after the other, and nothing was '
            'learned; %s; try a lower --loss_scale' % (step, MOST_SKIPPED, _last_good(folder)))


def _last_good(folder):
    kept = checkpoint.in_folder(folder)
    return ('the last good checkpoint is %s' % kept[-1]) if kept else 'nothing was saved yet'


def _diverged(step, loss, folder):
    return ('step %d: the loss, the gradient or a weight is no longer a number (loss %s); %s; '
            'try a lower --learning_rate or --clip_norm=1' % (step, loss, _last_good(folder)))

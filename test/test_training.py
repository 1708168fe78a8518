"""What a training step sees, computes and changes, against NumPy."""
import csv
import functools
import json
import os
import shutil
import sys
import time

import numpy as np
import pytest
from PIL import Image
from random_networks import make_model
from test_bsrn import loss, random_weights, read_checkpoint, write_checkpoint
from test_recompute import MEASURE

import dataloaders
from sr_tf.chips.session import Chip
from sr_tf.compat import tf
from sr_tf.data.growing_file import Plane
from sr_tf.data.pack import Pack, open_pack
from sr_tf.data.sampler import Sampler, Shard
from sr_tf.data.waiting import timed
from sr_tf.distributed.engine import Engine
from sr_tf.errors import UserError
from sr_tf.flags import RECIPE
from sr_tf.images.files import read_rgb
from sr_tf.images.resize import downscale, upscale
from sr_tf.training import trainer
from sr_tf.training.journal import Journal
from sr_tf.training.losses import LOSSES
from sr_tf.training.optimizer import Optimizer
from sr_tf.training.schedule import Schedule
from sr_tf.training.start import FRESH
from sr_tf.training.state import State
from sr_tf.training.vector import Vector

SEED = 11
C, S, RECURSIONS = 4, 3, 2
PATCH = 8
RATE = 1e-3
AVERAGE = '/ExponentialMovingAverage'


@pytest.fixture(scope='module')
def pack(photos, tmp_path_factory):
    loader = dataloaders.find('folder_loader')(str(photos), None, (2, 3))
    return open_pack(loader, (2, 3), str(tmp_path_factory.mktemp('packs')))


class Run:
    """A finished training from known weights, with a checkpoint and a row of each step."""

    def __init__(self, folder, scales):
        self.folder = folder
        self.initial = random_weights(scales, C, S)
        with open(str(folder / 'train.csv'), newline='') as file:
            self.rows = list(csv.DictReader(file))

    def variables(self, step):
        """All that the checkpoint of a step holds; before the first step, Adam has seen nothing."""
        if step:
            return read_checkpoint(self.folder / ('model.ckpt-%d' % step))
        slots = {name + slot: np.zeros_like(value) for name, value in self.initial.items()
                 for slot in ('/Adam', '/Adam_1')}
        averages = {name + AVERAGE: value for name, value in self.initial.items()}
        return dict(self.initial, **dict(slots, **averages))

    def weights(self, step):
        variables = self.variables(step)
        return {name: variables[name] for name in self.initial}

    def gradients(self, step):
        """What Adam's first slots say that the gradients of this step were."""
        before, after = self.variables(step - 1), self.variables(step)
        return {name: explained_gradient(before, after, name) for name in self.initial}


def explained_gradient(before, after, name):
    slot = name + '/Adam'
    return (after[slot].astype(np.float64) - 0.9 * before[slot]) / 0.1


@pytest.fixture(scope='module')
def trained(run_script, photos, tmp_path_factory):
    """`trained('--flag=value', ..., steps=3, scales=(2,))` is a `Run`; equal ones are run once."""
    runs = {}

    def trained(*flags, **options):
        steps, scales = options.pop('steps', 3), options.pop('scales', (2,))
        start = options.pop('start', None)
        assert not options
        key = flags, steps, scales, start
        if key not in runs:
            folder = tmp_path_factory.mktemp('run')
            start = start or write_checkpoint(folder / 'initial', random_weights(scales, C, S))
            run_script('train.py', '--model=bsrn', '--dataloader=folder_loader', '--chip=cpu',
                       '--data_truth_path=%s' % photos, '--train_path=%s' % (folder / 'run'),
                       '--restore_path=%s' % start, '--scales=%s' % ','.join(map(str, scales)),
                       '--bsrn_conv_features=%d' % C, '--bsrn_state_features=%d' % S,
                       '--bsrn_recursions=%d' % RECURSIONS, '--input_patch_size=%d' % PATCH,
                       '--learning_rate=%g' % RATE, '--clip_norm=0', '--seed=%d' % SEED,
                       '--max_steps=%d' % steps, '--save_freq=1', '--log_freq=1', *flags,
                       check=True)
            runs[key] = Run(folder / 'run', scales)
        return runs[key]

    return trained


SCHEDULED = ('--lr_schedule=step', '--lr_decay_rate=0.5', '--lr_decay_steps=2', '--warmup_steps=1')
RATES = [RATE / 2, RATE, RATE / 2]
WHOLE = SCHEDULED + ('--batch_size=16',)
HALVES = SCHEDULED + ('--batch_size=8', '--accumulate_steps=2')
SEVERAL_SCALES = '--batch_size=2', '--loss=l2', '--ema_decay=0.25'


def sampler_of(pack, batch_size=4, scales=(2,), seed=SEED, **options):
    return Sampler(pack, scales, dict.fromkeys(scales, PATCH), batch_size, seed, **options)


def draw(sampler, scale, count, first_step=0):
    """The next (lr, hr) batches that a training at this scale would see."""
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = sampler.batches(scale, tf.constant(first_step, tf.int64))
        following = iterator.get_next()
        session.run(iterator.initializer)
        return [session.run(following) for _ in range(count)]


def numpy_loss(weights, batch, scale, distance=np.abs):
    lr, hr = (images.astype(np.float64) for images in batch)
    return loss(weights, lr, hr, scale, RECURSIONS, distance=distance)


def assert_adam(before, after, name, updates, rate):
    """The weight and the second slot follow from the first one by Adam's published rule."""
    gradient = explained_gradient(before, after, name)
    second = 0.999 * before[name + '/Adam_1'] + 0.001 * gradient ** 2
    scale_of_squares = np.abs(second).max()
    assert np.allclose(after[name + '/Adam_1'], second, rtol=1e-3, atol=1e-5 * scale_of_squares)
    corrected = rate * np.sqrt(1 - 0.999 ** updates) / (1 - 0.9 ** updates)
    change = corrected * after[name + '/Adam'] / (np.sqrt(after[name + '/Adam_1']) + 1e-8)
    assert np.abs(before[name] - change - after[name]).max() < 2e-6, name
    assert np.abs(change).max() > rate / 10, name


def test_loss_of_each_step_equals_the_reference(trained, pack):
    run = trained(*WHOLE)
    assert [row['step'] for row in run.rows] == ['1', '2', '3']
    for step, (row, batch) in enumerate(zip(run.rows, draw(sampler_of(pack, 16), 2, 3)), 1):
        expected = numpy_loss(run.weights(step - 1), batch, 2)
        assert np.isclose(float(row['loss']), expected, rtol=2e-5)


def test_gradient_of_a_step_is_that_of_the_reference(trained, pack):
    run = trained(*WHOLE)
    batch, = draw(sampler_of(pack, 16), 2, 1)
    gradients = run.gradients(1)
    for name in ('generator/first_conv/conv2d/kernel',
                 'generator/residual_modules/conv2d_2/kernel', 'generator/last_conv/conv2d/bias'):
        for place in np.random.RandomState(2).choice(gradients[name].size, 3, False):
            sides = []
            for change in (1e-6, -1e-6):
                moved = {key: value.astype(np.float64) for key, value in run.initial.items()}
                moved[name].flat[place] += change
                sides.append(numpy_loss(moved, batch, 2))
            difference = (sides[0] - sides[1]) / 2e-6
            error = abs(gradients[name].flat[place] - difference)
            assert error < 1e-3 * np.abs(gradients[name]).max()
    norm = np.sqrt(sum(np.sum(gradient ** 2) for gradient in gradients.values()))
    assert np.isclose(float(run.rows[0]['gradient_norm']), norm, rtol=1e-4)


def test_weights_follow_adam_at_the_scheduled_rate(trained):
    run = trained(*WHOLE)
    assert [float(row['learning_rate']) for row in run.rows] == RATES
    for step, rate in enumerate(RATES, 1):
        before, after = run.variables(step - 1), run.variables(step)
        assert after['global_step'] == step
        for name in run.initial:
            assert_adam(before, after, name, step, rate)


def test_accumulated_steps_equal_one_of_the_whole_batch(trained):
    whole, halves = trained(*WHOLE), trained(*HALVES)
    for ours, theirs in zip(halves.rows, whole.rows):
        for column in ('loss', 'gradient_norm'):
            assert np.isclose(float(ours[column]), float(theirs[column]), rtol=2e-5)
    ours, theirs = halves.variables(3), whole.variables(3)
    assert set(ours) == set(theirs)
    for name in whole.initial:
        assert np.abs(ours[name] - theirs[name]).max() < 1e-5, name
        assert np.abs(theirs[name] - whole.initial[name]).max() > 1e-4, name
    assert ours['global_step'] == 3


def test_several_scales_share_what_they_share(trained, pack):
    steps = 8
    run = trained(*SEVERAL_SCALES, steps=steps, scales=(2, 3))
    order = [int(row['scale']) for row in run.rows]
    assert set(order) == {2, 3}
    sampler = sampler_of(pack, 2, scales=(2, 3))
    scale_of = sampler.scale_order()
    assert order == [scale_of(step) for step in range(steps)]
    batches = {scale: draw(sampler, scale, order.count(scale)) for scale in (2, 3)}
    for step, scale in enumerate(order, 1):
        before, after = run.variables(step - 1), run.variables(step)
        batch = batches[scale].pop(0)
        expected = numpy_loss(run.weights(step - 1), batch, scale, np.square)
        assert np.isclose(float(run.rows[step - 1]['loss']), expected, rtol=2e-5)
        for name in run.initial:
            idle = '/x%d/' % (5 - scale) in name
            assert idle == np.array_equal(before[name], after[name]), name
            if not idle:
                assert_adam(before, after, name, step, RATE)


LOADED = ('--batch_size=2', '--accumulate_steps=2', '--bsrn_clip_norm=0.5',
          '--bsrn_learning_rate=0.01', '--lr_schedule=cosine', '--warmup_steps=3',
          '--ema_decay=0.25', '--loss=charbonnier', '--loss_scale=dynamic')


@pytest.mark.parametrize('flags', [SEVERAL_SCALES, LOADED], ids=['plain', 'loss_scale'])
def test_average_of_the_weights(trained, flags):
    steps = 8
    run = trained(*flags, steps=steps, scales=(2, 3))
    assert {row['scale'] for row in run.rows} == {'2', '3'}
    for step in range(1, steps + 1):
        before, after = run.variables(step - 1), run.variables(step)
        # Early averages forget faster, so that the first weights do not linger.
        decay = min(0.25, step / (step + 9.0))
        for name in run.initial:
            expected = decay * before[name + AVERAGE] + (1 - decay) * after[name]
            if np.array_equal(before[name], after[name]):
                expected = before[name + AVERAGE]
            assert np.allclose(after[name + AVERAGE], expected, rtol=1e-5, atol=1e-6), (name, step)
    for name in run.initial:
        assert np.abs(after[name + AVERAGE] - after[name]).max() > 1e-5, name


@pytest.mark.parametrize('loss_scale, kept', [('128', None), ('dynamic', 2.0 ** 15)])
def test_loss_scale_changes_no_weight(trained, loss_scale, kept):
    plain, scaled = trained(*WHOLE), trained(*(WHOLE + ('--loss_scale=' + loss_scale,)))
    ours, theirs = scaled.variables(3), plain.variables(3)
    for name in plain.initial:
        assert np.abs(ours[name] - theirs[name]).max() < 1e-6, name
    for ours_row, theirs_row in zip(scaled.rows, plain.rows):
        assert np.isclose(float(ours_row['loss']), float(theirs_row['loss']), rtol=1e-5)
    assert ours.get('loss_scale') == kept


def test_overflowing_step_is_skipped(trained, tmp_path):
    before = trained(*LOADED, steps=8, scales=(2, 3)).variables(8)
    huge = write_checkpoint(tmp_path / 'huge', dict(before, loss_scale=np.float32(3e38)))
    run = trained(*(LOADED + ('--restore_target=all',)), steps=10, scales=(2, 3), start=huge)
    assert [row['step'] for row in run.rows] == ['9', '10']
    assert np.isfinite([float(row['loss']) for row in run.rows]).all()
    for step in (9, 10):
        skipped = run.variables(step)
        assert skipped.pop('global_step') == step
        assert skipped.pop('loss_scale') == np.float32(3e38) / 2 ** (step - 8)
        assert skipped.pop('good_steps') == 0
        for name in skipped:
            assert np.array_equal(skipped[name], before[name]), name


@pytest.fixture
def overflowing(pack, tmp_path, monkeypatch):
    """A training of 5 steps, each with too large a gradient for its loss scale; 3 in a row end it.
    """
    monkeypatch.setattr(trainer, 'MOST_SKIPPED', 3)
    plan = trainer.Plan(**dict(
        dict.fromkeys(trainer.Plan._fields, 0), recipe=dict(RECIPE, loss='l2'), max_steps=5,
        schedule=Schedule('constant', RATE), loss_scale=2.0 ** 126, log_freq=1, save_freq=1,
        save_max_keep=1, arguments={}))

    def run():
        trainer.train(make_model('bsrn', 2), sampler_of(pack), plan, Chip('cpu', 'fp32'), Engine(),
                      str(tmp_path), FRESH)
    return run


def finite_steps(folder):
    return [row['step'] for row in Run(folder, (2,)).rows
            if np.isfinite(float(row['gradient_norm']))]


def test_a_run_that_learns_nothing_any_more_ends(overflowing, tmp_path):
    with pytest.raises(UserError) as failure:
        overflowing()
    assert str(failure.value) == (
        'step 3: the gradients of 3 steps overflowed one after the other, and nothing was learned; '
        'the last good checkpoint is %s; try a lower --loss_scale' % (tmp_path / 'model.ckpt-2'))
    assert [row['step'] for row in Run(tmp_path, (2,)).rows] == ['1', '2']
    assert not finite_steps(tmp_path)


def test_a_run_that_learns_now_and_then_goes_on(overflowing, tmp_path, monkeypatch):
    factors = iter([1, 1, 2.0 ** -120, 1, 1])
    l2 = LOSSES['l2']

    @functools.lru_cache()
    def factor_of_the_step():
        return tf.py_func(lambda: np.float32(next(factors)), [], tf.float32)

    monkeypatch.setitem(LOSSES, 'l2', lambda *images: l2(*images) * factor_of_the_step())
    overflowing()
    assert [row['step'] for row in Run(tmp_path, (2,)).rows] == ['1', '2', '3', '4', '5']
    assert finite_steps(tmp_path) == ['3']


def test_a_row_is_of_the_steps_since_the_last_one(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    journal = Journal(str(tmp_path), 4, 9)

    def step(number, seconds, loss, data_wait):
        now[0] += seconds
        journal.step(number, loss, data_wait)

    step(5, seconds=7, loss=50.0, data_wait=6.0)
    journal.report(5, 2, RATE, 0.5, 16)
    step(6, seconds=1, loss=1.0, data_wait=0.25)
    step(7, seconds=2, loss=2.0, data_wait=0.5)
    now[0] += 60
    journal.validated(7, 30.5, 60.0)
    step(8, seconds=3, loss=6.0, data_wait=0.75)
    journal.report(8, 3, RATE, 0.5, 16)
    journal.close()
    rows = Run(tmp_path, (2,)).rows
    assert [row['step'] for row in rows] == ['5', '7', '8']
    columns = 'loss', 'sec_per_batch', 'images_per_sec', 'data_wait'
    assert [float(rows[0][column]) for column in columns] == [50, 7, 2.28571, 6]
    assert [float(rows[2][column]) for column in columns] == [3, 2, 8, 0.5]
    assert rows[1]['psnr'] == '30.5'


def test_flags_reach_the_training(trained):
    run = trained(*LOADED, steps=8, scales=(2, 3))
    expected = [0.01 * min(1, (step + 1) / 4) * (1 + np.cos(np.pi * step / 8)) / 2
                for step in range(8)]
    assert np.allclose([float(row['learning_rate']) for row in run.rows], expected, rtol=1e-5)
    for step in range(1, 9):
        norms = [np.linalg.norm(gradient) for gradient in run.gradients(step).values()]
        assert 0.499 < max(norms) < 0.501
    with open(str(run.folder / 'model.ckpt-8.json')) as file:
        metadata = json.load(file)
    assert metadata['model'] == 'bsrn'
    assert metadata['scales'] == [2, 3]
    assert metadata['step'] == 8
    assert metadata['seed'] == SEED
    assert metadata['hyper_parameters']['conv_features'] == C
    for key, value in (('loss', 'charbonnier'), ('clip_norm', 0.5), ('learning_rate', 0.01),
                       ('accumulate_steps', 2), ('ema_decay', 0.25), ('batch_size', 2)):
        assert metadata['recipe'][key] == value


class Toy:
    """Two variables whose gradients are made of what is fed: (x, x) and 10 x."""

    def __init__(self, **options):
        self.optimizer = Optimizer(Engine(), 1e-8, **options)
        self.x = tf.placeholder(tf.float32, [])
        vector = Vector('both', [('generator/pair', (2,)), ('generator/single', ())])
        pair, single = vector.tensors.values()
        value = self.x * (pair[0] + pair[1] + 10 * single)
        self.step = self.optimizer.train_step(value, [vector])
        self._state = State([vector])
        self.session = tf.Session()
        self.session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])

    def apply(self, x, operation=None):
        feed = {self.x: x, self.optimizer.learning_rate: RATE, self.optimizer.stop: 0.0}
        return self.session.run([operation or self.step.apply, self.step.gradient_norm], feed)[1]

    @property
    def state(self):
        return self._state.read(self.session)


@pytest.fixture()
def graph():
    with tf.Graph().as_default():
        yield


def test_clip_norm_is_of_each_variable(graph):
    toy = Toy(clip_norm=2.0)
    assert np.isclose(toy.apply(1.0), np.sqrt(102))
    state = toy.state
    assert np.allclose(state['generator/pair/Adam'], [0.1, 0.1])
    assert np.allclose(state['generator/single/Adam'], 0.2)


def test_clip_norm_is_of_the_mean_of_accumulated_gradients(graph):
    toy = Toy(clip_norm=10.0, micro_batches=2)
    toy.apply(0.25, toy.step.accumulate)
    toy.apply(0.75)
    assert np.allclose(toy.state['generator/single/Adam'], 0.1 * 5)
    toy.apply(2.0, toy.step.accumulate)
    toy.apply(4.0)
    assert np.allclose(toy.state['generator/single/Adam'], 0.9 * 0.5 + 0.1 * 10)


def test_sums_start_from_zero_in_every_step(graph):
    toy = Toy(micro_batches=3)
    for first, second, third in ((1.0, 2.0, 6.0), (5.0, 0.0, 1.0)):
        before = toy.state['generator/single/Adam']
        toy.apply(first, toy.step.accumulate)
        toy.apply(second, toy.step.accumulate)
        assert np.array_equal(toy.state['generator/single/Adam'], before)
        toy.apply(third)
        expected = 0.9 * before + 0.1 * 10 * (first + second + third) / 3
        assert np.isclose(toy.state['generator/single/Adam'], expected)
    assert toy.state['global_step'] == 2


def ancestors(operation):
    """All operations that have run when this one runs."""
    found, waiting = set(), [operation]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


@pytest.mark.parametrize('options', [{}, {'loss_scale': 'dynamic', 'ema_decay': 0.9}])
def test_loss_is_computed_before_its_sum_is_emptied(graph, options):
    """TensorFlow runs operations in any order that the graph leaves open, now one, now another."""
    toy = Toy(micro_batches=2, **options)
    assert toy.step.loss.op in ancestors(toy.step.apply)


@pytest.mark.parametrize('options', [
    {}, {'loss_scale': 'dynamic'}, {'loss_scale': 128.0}, {'micro_batches': 2},
    {'clip_norm': 1.0, 'ema_decay': 0.9, 'loss_scale': 'dynamic', 'micro_batches': 2}])
def test_optimizer_variables_have_the_published_names(graph, options):
    names = {name + slot for name in ('generator/pair', 'generator/single')
             for slot in ('', '/Adam', '/Adam_1')}
    names |= {'beta1_power', 'beta2_power', 'global_step'}
    if options.get('loss_scale') == 'dynamic':
        names |= {'loss_scale', 'good_steps'}
    if 'ema_decay' in options:
        names |= {'generator/pair' + AVERAGE, 'generator/single' + AVERAGE}
    assert set(Toy(**options).state) == names


@pytest.mark.parametrize('bad', [1e35, np.inf, np.nan])
def test_dynamic_loss_scale_halves_when_a_gradient_overflows(graph, bad):
    toy = Toy(loss_scale='dynamic', ema_decay=0.9)
    toy.apply(1.0)
    before = toy.state
    assert before['loss_scale'] == 2.0 ** 15
    assert before['good_steps'] == 1
    assert not np.isfinite(toy.apply(bad))
    after = toy.state
    assert after.pop('loss_scale') == 2.0 ** 14
    assert after.pop('good_steps') == 0
    assert after.pop('global_step') == 2
    for name in after:
        assert np.array_equal(after[name], before[name]), name
    toy.apply(1.0)
    assert np.isclose(toy.state['generator/single/Adam'], 0.9 * 1 + 0.1 * 10)
    assert toy.state['loss_scale'] == 2.0 ** 14


def test_overflow_in_one_micro_batch_skips_the_step_and_no_other(graph):
    toy = Toy(loss_scale='dynamic', micro_batches=2)
    toy.apply(np.inf, toy.step.accumulate)
    toy.apply(1.0)
    assert toy.state['generator/single/Adam'] == 0
    assert toy.state['loss_scale'] == 2.0 ** 14
    toy.apply(1.0, toy.step.accumulate)
    toy.apply(3.0)
    assert np.isclose(toy.state['generator/single/Adam'], 0.1 * 20)


def test_dynamic_loss_scale_never_falls_below_one(graph):
    toy = Toy(loss_scale='dynamic')
    for _ in range(20):
        toy.apply(np.inf)
    assert toy.state['loss_scale'] == 1


def test_dynamic_loss_scale_doubles_after_2000_good_steps(graph):
    toy = Toy(loss_scale='dynamic')
    toy.session.run([variable.assign(1997.0) for variable in tf.global_variables()
                     if variable.op.name == 'good_steps'])
    toy.apply(1.0)
    toy.apply(1.0)
    assert toy.state['loss_scale'] == 2.0 ** 15
    toy.apply(1.0)
    assert toy.state['loss_scale'] == 2.0 ** 16
    assert toy.state['good_steps'] == 0


def test_fixed_loss_scale_stays_and_skips(graph):
    toy = Toy(loss_scale=128.0)
    toy.apply(np.inf)
    assert toy.state['generator/single/Adam'] == 0
    toy.apply(1.0)
    assert np.isclose(toy.state['generator/single/Adam'], 1.0)


def test_losses():
    output = np.array([[0.0, 3.0], [1e-3, -5.0]], np.float32).reshape(1, 2, 2, 1)
    truth = np.array([[0.0, 1.0], [0.0, -4.0]], np.float32).reshape(1, 2, 2, 1)
    expected = {'l1': (2 + 1e-3 + 1) / 4, 'l2': (4 + 1e-6 + 1) / 4,
                'charbonnier': sum(np.sqrt(d ** 2 + 1e-6) for d in (0, 2, 1e-3, 1)) / 4}
    assert set(LOSSES) == set(expected)
    with tf.Graph().as_default(), tf.Session() as session:
        for name in expected:
            value = session.run(LOSSES[name](tf.constant(output), tf.constant(truth)))
            assert np.isclose(value, expected[name], rtol=1e-6), name


@pytest.mark.parametrize('kind, expected', [
    ('constant', {0: 1, 99: 1, 100000: 1}),
    ('step', {0: 1, 9: 1, 10: 0.25, 19: 0.25, 20: 0.0625}),
    ('exponential', {0: 1, 5: 0.5, 10: 0.25, 20: 0.0625}),
    ('cosine', {0: 1, 25: (2 + np.sqrt(2)) / 4, 50: 0.5, 100: 0, 150: 0}),
])
def test_schedules(kind, expected):
    schedule = Schedule(kind, 1e-4, decay_rate=0.25, decay_steps=10, max_steps=100)
    for step, factor in expected.items():
        assert np.isclose(schedule(step), 1e-4 * factor, rtol=1e-9, atol=1e-18), step
    assert [schedule(step) for step in (3, 90, 3)] == [schedule(3), schedule(90), schedule(3)]


@pytest.mark.parametrize('kind', ['constant', 'step', 'exponential', 'cosine'])
def test_warm_up_rises_to_what_the_schedule_gives(kind):
    options = {'decay_rate': 0.5, 'decay_steps': 3, 'max_steps': 20}
    plain = Schedule(kind, 1e-4, **options)
    warm = Schedule(kind, 1e-4, warmup_steps=4, **options)
    shares = [warm(step) / plain(step) for step in range(8)]
    assert np.allclose(shares, [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1])


CODED_SIZES = {'a': (20, 13), 'b': (11, 17)}


@pytest.fixture(scope='module')
def coded_pack(tmp_path_factory):
    """A pack of pictures, x2 and x3, in which every pixel says where it is from.

    LR: (row, column, picture); HR: (LR row, LR column, picture and place within the LR pixel).
    """
    folder = tmp_path_factory.mktemp('coded')
    for scale in (2, 3):
        (folder / str(scale) / 'HR').mkdir(parents=True)
        (folder / str(scale) / 'LR' / ('x%d' % scale)).mkdir(parents=True)
        for number, (name, (height, width)) in enumerate(sorted(CODED_SIZES.items())):
            rows, columns = np.mgrid[:height, :width]
            lr = np.stack([rows, columns, np.full_like(rows, number)], -1)
            # One row and column that no LR pixel covers.
            rows, columns = np.mgrid[:height * scale + 1, :width * scale + 1]
            hr = np.stack([rows // scale, columns // scale,
                           64 * number + 8 * (rows % scale) + columns % scale], -1)
            for path, image in (('HR/%s.png' % name, hr), ('LR/x%d/%s.png' % (scale, name), lr)):
                Image.fromarray(image.astype(np.uint8)).save(str(folder / str(scale) / path))

    def packed(scale):
        here = folder / str(scale)
        loader = dataloaders.find('basic_loader')(str(here / 'HR'), str(here / 'LR'), (scale,))
        return open_pack(loader, (scale,), str(folder / 'packs'))

    return packed


ORIENTATIONS = [(flip_rows, flip_columns, swap) for flip_rows in (1, -1)
                for flip_columns in (1, -1) for swap in (False, True)]


def laid_back(patch, orientation):
    flip_rows, flip_columns, swap = orientation
    patch = np.swapaxes(patch, 0, 1) if swap else patch
    return patch[::flip_rows, ::flip_columns]


def origin(lr, hr, scale):
    """(picture, top, left, orientation) of a pair of coded patches, which must fit together."""
    size = len(lr)
    picture, = np.unique(lr[..., 2])
    assert (hr[..., 2] // 64 == picture).all()
    places = np.stack([lr[..., 0], lr[..., 1]], -1).astype(int)
    fine = hr.astype(int)
    fine = np.stack([fine[..., 0] * scale + fine[..., 2] % 64 // 8,
                     fine[..., 1] * scale + fine[..., 2] % 8], -1)
    top, left = places.reshape(-1, 2).min(axis=0)
    grid = np.stack(np.mgrid[top:top + size, left:left + size], -1)
    fine_grid = np.stack(np.mgrid[top * scale:(top + size) * scale,
                                  left * scale:(left + size) * scale], -1)
    fitting = [orientation for orientation in ORIENTATIONS
               if np.array_equal(laid_back(places, orientation), grid)
               and np.array_equal(laid_back(fine, orientation), fine_grid)]
    assert len(fitting) == 1, 'LR and HR patches do not lie on each other'
    return int(picture), int(top), int(left), fitting[0]


@pytest.mark.parametrize('scale', [2, 3])
def test_patches_fit_and_come_from_everywhere_in_every_orientation(coded_pack, scale):
    size = 6
    sampler = Sampler(coded_pack(scale), (scale,), {scale: size}, 50, SEED)
    batches = draw(sampler, scale, 40)
    for lr, hr in batches:
        assert lr.dtype == hr.dtype == np.uint8
        assert lr.shape == (50, size, size, 3)
        assert hr.shape == (50, size * scale, size * scale, 3)
    origins = [origin(lr[index], hr[index], scale)
               for lr, hr in batches for index in range(len(lr))]
    orientations = [found[3] for found in origins]
    for orientation in ORIENTATIONS:
        assert 190 < orientations.count(orientation) < 310  # of 2000; 250 expected
    for number, (_, (height, width)) in enumerate(sorted(CODED_SIZES.items())):
        places = {found[1:3] for found in origins if found[0] == number}
        assert {top for top, _ in places} == set(range(height - size + 1))
        assert {left for _, left in places} == set(range(width - size + 1))
    share = np.mean([found[0] for found in origins])
    assert 0.44 < share < 0.56
    drawn = np.array([found[:3] + found[3] for found in origins], float).T
    turns = slice(3, 6)
    correlations = np.abs(np.corrcoef(drawn) - np.eye(6))[turns]
    assert correlations.max() < 0.1, 'the orientation depends on the place'


def drawn_by_numpy(loader, sampler, scale, number):
    """The patches of the sample with this number, cut and turned one by one from the pictures."""
    with tf.Graph().as_default(), tf.Session() as session:
        drawn = session.run(tf.random.stateless_uniform([6], [sampler.seed, number]))
    pair = loader.pairs()[int(np.float32(drawn[0] * np.float32(len(loader.pairs()))))]
    hr = read_rgb(pair.hr)
    lr, size = downscale(hr, scale), sampler.patch_size[scale]
    top, left = (int(np.float32(share * np.float32(side - size + 1)))
                 for share, side in zip(drawn[1:3], lr.shape))
    patches = []
    for image, times in ((lr, 1), (hr, scale)):
        patch = image[top * times:(top + size) * times, left * times:(left + size) * times]
        patch = patch[::-1] if drawn[3] < 0.5 else patch
        patch = patch[:, ::-1] if drawn[4] < 0.5 else patch
        patches.append(np.swapaxes(patch, 0, 1) if drawn[5] < 0.5 else patch)
    return patches


# A batch of 34 is cut in groups of 2, one of 17 patch by patch, and one of 32 in two groups.
@pytest.mark.parametrize('batch_size, patch_size', [(1, 8), (5, 33), (17, 7), (32, 16), (34, 9)])
def test_every_patch_is_a_function_of_the_seed_and_its_number(photos, pack, batch_size, patch_size):
    loader = dataloaders.find('folder_loader')(str(photos), None, (2, 3))
    sampler = Sampler(pack, (2,), {2: patch_size}, batch_size, 2 ** 40 + 3, Shard(1, 3), 2)
    (_, (lr, hr)) = draw(sampler, 2, 2, first_step=1000)
    # Step 1000, its second micro-batch, the second process of three.
    first = ((1000 * 2 + 1) * 3 + 1) * batch_size
    for index in {0, batch_size // 2, batch_size - 1}:
        expected = drawn_by_numpy(loader, sampler, 2, first + index)
        assert np.array_equal(lr[index], expected[0])
        assert np.array_equal(hr[index], expected[1])


def draw_from_three_gigabytes(path):
    size = 3 << 30
    os.truncate(path, size)  # no disk holds what was never written
    plane = Plane(0, 16384, 16384 * 4, 16384 * 12)
    (lr, hr), = draw(sampler_of(Pack(path, size, ['blank'], [plane], {2: [plane]}, True)), 2, 1)
    assert not lr.any() and not hr.any()


def test_a_pack_is_never_copied_into_memory(run_script, tmp_path):
    (tmp_path / 'pack.bin').touch()
    result = run_script(
        '-c', MEASURE, sys.executable, '-c',
        'import sys; sys.path.insert(0, "test"); import test_training; '
        'test_training.draw_from_three_gigabytes(sys.argv[1])', tmp_path / 'pack.bin', check=True)
    assert int(result.stdout.split()[-1]) < 2 << 20  # of 1024 bytes


def waits(batches, count):
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = tf.data.make_initializable_iterator(timed(batches()))
        following = iterator.get_next()
        session.run(iterator.initializer)
        session.run(following)
        time.sleep(1)  # a step that takes longer than to make a batch
        return [session.run(following) for _ in range(count)]


def test_waiting_for_a_batch_is_measured():
    def slow(number):
        time.sleep(0.3)
        return number

    def made(ahead):
        batches = tf.data.Dataset.range(9).map(lambda n: tf.numpy_function(slow, [n], tf.int64))
        return batches.prefetch(1) if ahead else batches

    found = waits(lambda: made(False), 3)
    assert [batch for batch, _ in found] == [1, 2, 3]
    assert all(0.29 < waited < 3 for _, waited in found)
    found = [waited for _, waited in waits(lambda: made(True), 5)]
    assert found[0] < 0.15, 'it was ready'
    assert max(found[1:]) > 0.15, 'no other was'


def assert_same_batches(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs):
        assert np.array_equal(mine[0], other[0])
        assert np.array_equal(mine[1], other[1])


def test_two_shards_see_together_what_one_process_sees(pack):
    whole = draw(sampler_of(pack, 8), 2, 5)
    shards = [draw(sampler_of(pack, 4, shard=Shard(rank, 2)), 2, 5) for rank in (0, 1)]
    joined = [tuple(np.concatenate(sides) for sides in zip(*parts)) for parts in zip(*shards)]
    assert_same_batches(joined, whole)
    assert not np.array_equal(shards[0][0][0], shards[1][0][0])


def test_micro_batches_of_shards_see_together_what_one_batch_sees(pack):
    whole = draw(sampler_of(pack, 16), 2, 3)
    shards = [draw(sampler_of(pack, 4, shard=Shard(rank, 2), micro_batches=2), 2, 6)
              for rank in (0, 1)]
    for step, (lr, hr) in enumerate(whole):
        parts = [shard[2 * step + half] for half in (0, 1) for shard in shards]
        assert np.array_equal(np.concatenate([part[0] for part in parts]), lr)
        assert np.array_equal(np.concatenate([part[1] for part in parts]), hr)


def test_resumed_batches_are_those_that_would_have_come(pack):
    continued = draw(sampler_of(pack), 2, 8)
    assert_same_batches(draw(sampler_of(pack), 2, 5, first_step=3), continued[3:])
    assert not np.array_equal(continued[0][0], continued[1][0])


def test_resumed_batches_of_several_scales(pack):
    sampler = sampler_of(pack, scales=(2, 3))
    scale_of = sampler.scale_order()
    order = [scale_of(step) for step in range(4000)]
    assert 0.45 < np.mean(np.equal(order, 2)) < 0.55
    scale_again = sampler_of(pack, scales=(2, 3)).scale_order()
    assert order == [scale_again(step) for step in range(4000)]
    for scale in (2, 3):
        steps = [step for step in range(20) if order[step] == scale]
        continued = draw(sampler, scale, len(steps))
        later = [index for index, step in enumerate(steps) if step >= 9]
        assert_same_batches(draw(sampler, scale, len(later), first_step=9),
                            [continued[index] for index in later])


def test_scales_beyond_the_first_block_of_steps(pack):
    sampler = sampler_of(pack, scales=(2, 3))
    scale_of = sampler.scale_order()
    steps = [step for step in range(1000, 1060) if scale_of(step) == 3]
    continued = draw(sampler, 3, len(steps), first_step=1000)
    later = [index for index, step in enumerate(steps) if step >= 1030]
    assert_same_batches(draw(sampler, 3, len(later), first_step=1030),
                        [continued[index] for index in later])
    assert [scale_of(step) for step in range(1024)] != [scale_of(step)
                                                        for step in range(1024, 2048)]


def test_batches_depend_on_the_seed_and_on_nothing_else(pack):
    tf.set_random_seed(1)
    one = draw(sampler_of(pack), 2, 2)
    tf.set_random_seed(2)
    assert_same_batches(draw(sampler_of(pack), 2, 2), one)
    assert not np.array_equal(draw(sampler_of(pack, seed=SEED + 1), 2, 1)[0][0], one[0][0])


def test_patch_as_large_as_the_picture(pack):
    lr, hr = draw(Sampler(pack, (3,), {3: 32}, 2, SEED), 3, 1)[0]
    assert lr.shape == (2, 32, 32, 3)
    assert hr.shape == (2, 96, 96, 3)


def test_picture_smaller_than_a_patch_is_named(pack):
    with pytest.raises(UserError, match='astronaut.*too small.*--input_patch_size=32'):
        Sampler(pack, (3,), {3: 33}, 2, SEED)


def packed_pixels(pack, plane):
    with open(pack.path, 'rb') as file:
        raw = np.frombuffer(file.read(), np.uint8)
    rows = raw[plane.offset:plane.offset + plane.height * plane.stride]
    rows = rows.reshape(plane.height, plane.stride)[:, :3 * plane.width]
    return rows.reshape(plane.height, plane.width, 3)


@pytest.fixture()
def some_photos(tmp_path, photos):
    folder = tmp_path / 'HR'
    folder.mkdir()
    for name in ('coffee', 'rocket'):
        with Image.open(str(photos / (name + '.png'))) as image:
            image.crop((0, 0, 61, 47)).save(str(folder / (name + '.png')))
    return folder


def open_counting(folder, packs, enlarge=False):
    """The pack, and how many pictures were packed for it."""
    packed = []
    loader = dataloaders.find('folder_loader')(str(folder), None, (2, 3))
    pack = open_pack(loader, (2, 3), str(packs), enlarge, lambda done, _: packed.append(done))
    return pack, len(packed)


def test_pack_holds_the_pixels(tmp_path, some_photos):
    for enlarge in (False, True):
        pack, _ = open_counting(some_photos, tmp_path / 'packs', enlarge)
        assert pack.names == ['coffee', 'rocket']
        for index, name in enumerate(pack.names):
            hr = read_rgb(str(some_photos / (name + '.png')))
            assert np.array_equal(packed_pixels(pack, pack.hr[index]), hr)
            for scale in (2, 3):
                lr = downscale(hr[:47 // scale * scale, :61 // scale * scale], scale)
                expected = upscale(lr, scale) if enlarge else lr
                assert np.array_equal(packed_pixels(pack, pack.lr[scale][index]), expected)


def test_pack_is_kept_while_nothing_changes(tmp_path, some_photos):
    first, packed = open_counting(some_photos, tmp_path / 'packs')
    assert packed == 2
    second, packed = open_counting(some_photos, tmp_path / 'packs')
    assert packed == 0
    assert second == first


def test_a_pack_is_of_the_pictures_however_their_folder_is_written(
        tmp_path, some_photos, monkeypatch):
    first, _ = open_counting(some_photos, tmp_path / 'packs')
    shutil.copytree(str(some_photos), str(tmp_path / 'other' / some_photos.name))
    for project, count in ((tmp_path, 0), (tmp_path / 'other', 2), (tmp_path, 0)):
        monkeypatch.chdir(str(project))
        pack, packed = open_counting(some_photos.name, tmp_path / 'packs')
        assert packed == count
    assert pack == first


def test_pack_is_made_again_when_a_picture_changes(tmp_path, some_photos):
    first, _ = open_counting(some_photos, tmp_path / 'packs')
    path = str(some_photos / 'rocket.png')
    changed = 255 - read_rgb(path)
    Image.fromarray(changed).save(path)
    second, packed = open_counting(some_photos, tmp_path / 'packs')
    assert packed == 2
    assert np.array_equal(packed_pixels(second, second.hr[1]), changed)
    assert second.path != first.path, 'a training that runs still reads the former one'
    assert len([name for name in os.listdir(str(tmp_path / 'packs')) if '.bin' in name]) == 1


def test_pack_is_made_again_when_a_picture_comes_or_goes(tmp_path, some_photos):
    open_counting(some_photos, tmp_path / 'packs')
    Image.fromarray(np.zeros((48, 48, 3), np.uint8)).save(str(some_photos / 'black.png'))
    pack, packed = open_counting(some_photos, tmp_path / 'packs')
    assert (packed, pack.names) == (3, ['black', 'coffee', 'rocket'])
    os.remove(str(some_photos / 'black.png'))
    pack, packed = open_counting(some_photos, tmp_path / 'packs')
    assert pack.names == ['coffee', 'rocket']
    assert packed in (0, 2)


def test_packs_of_two_folders_of_lr_images_are_both_kept(tmp_path, some_photos):
    paths = set()
    for name in ('one', 'two', 'one'):
        for photo in some_photos.iterdir():
            lr = downscale(read_rgb(str(photo))[:46, :60], 2)
            target = tmp_path / name / 'x2' / photo.name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(lr if name == 'one' else 255 - lr).save(str(target))
        loader = dataloaders.find('basic_loader')(str(some_photos), str(tmp_path / name), (2,))
        paths.add(open_pack(loader, (2,), str(tmp_path / 'packs')).path)
    assert len(paths) == 2 and all(map(os.path.exists, paths))


def test_pack_is_made_again_when_it_is_damaged(tmp_path, some_photos):
    pack, _ = open_counting(some_photos, tmp_path / 'packs')
    with open(pack.path, 'r+b') as file:
        file.truncate(pack.size // 2)
    again, packed = open_counting(some_photos, tmp_path / 'packs')
    assert packed == 2
    assert os.path.getsize(again.path) == again.size == pack.size


class Interrupted(Exception):
    pass


def interrupt(folder, packs, after):
    """Begins to pack, as long as it takes to pack so many pictures."""
    def progress(done, _):
        if done == after:
            raise Interrupted

    loader = dataloaders.find('folder_loader')(str(folder), None, (2, 3))
    with pytest.raises(Interrupted):
        open_pack(loader, (2, 3), str(packs), progress=progress)


def test_interrupted_packing_goes_on_where_it_was(tmp_path, photos):
    whole, packed = open_counting(photos, tmp_path / 'whole')
    assert packed == 4
    interrupt(photos, tmp_path / 'packs', 1)
    interrupt(photos, tmp_path / 'packs', 3)
    # What a process leaves that is killed while it writes: half of a picture, half of a note.
    for path, torn in ((path, b'[[1, 2') for path in (tmp_path / 'packs').glob('*.part*')):
        with open(str(path), 'ab') as file:
            file.write(torn)
    pack, packed = open_counting(photos, tmp_path / 'packs')
    assert packed == 1
    assert pack._replace(path=None) == whole._replace(path=None)
    with open(pack.path, 'rb') as ours, open(whole.path, 'rb') as theirs:
        assert ours.read() == theirs.read()
    assert not list((tmp_path / 'packs').glob('*.part*'))


def test_interrupted_packing_of_what_has_changed_begins_anew(tmp_path, photos, some_photos):
    interrupt(some_photos, tmp_path / 'packs', 1)
    Image.fromarray(np.zeros((48, 48, 3), np.uint8)).save(str(some_photos / 'rocket.png'))
    pack, packed = open_counting(some_photos, tmp_path / 'packs')
    assert packed == 2
    assert not packed_pixels(pack, pack.hr[1]).any()
    assert len([name for name in os.listdir(str(tmp_path / 'packs')) if '.bin' in name]) == 1


def test_a_noted_picture_that_is_not_there_is_packed_again(tmp_path, photos):
    interrupt(photos, tmp_path / 'packs', 3)
    part, = (tmp_path / 'packs').glob('*.part')
    os.truncate(str(part), part.stat().st_size - 1)
    _, packed = open_counting(photos, tmp_path / 'packs')
    assert packed == 2


def test_killed_packing_goes_on(run_script, tmp_path):
    folder = tmp_path / 'HR'
    folder.mkdir()
    image = Image.fromarray(np.random.RandomState(0).randint(0, 256, (700, 700, 3), np.uint8))
    for number in range(24):
        image.save(str(folder / ('%d.png' % number)), compress_level=0)
    flags = ['pack', '--model=wdsr', '--dataloader=folder_loader', '--scales=2',
             '--data_truth_path=%s' % folder, '--pack_path=%s' % (tmp_path / 'packs')]
    packing = run_script.start('prepare.py', *flags)
    notes = []
    while not notes and packing.poll() is None:
        notes = [path for path in (tmp_path / 'packs').glob('*.notes') if path.stat().st_size]
    packing.kill()
    packing.communicate()
    noted, = notes
    kept = len(noted.read_bytes().splitlines())
    assert 0 < kept < 24
    loader = dataloaders.find('folder_loader')(str(folder), None, (2,))
    read, loader.read = [], lambda where: read.append(where) or read_rgb(where)
    pack = open_pack(loader, (2,), str(tmp_path / 'packs'))
    assert 24 - kept <= len(read) <= 24 - kept + 1
    for plane in pack.hr:
        assert np.array_equal(packed_pixels(pack, plane), np.asarray(image))

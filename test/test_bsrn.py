"""BSRN against a forward pass in NumPy that was written from the paper's structure alone."""
import os

import numpy as np
import pytest

import models
import sr_tf
from sr_tf.compat import tf
from sr_tf.errors import UserError

MEAN = 127.5
UPSCALING = {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}


def layers(scales, c, s):
    """The name of each convolution, and how many channels go in and come out."""
    yield 'generator/first_conv/conv2d', 3, c
    for name in ('conv2d', 'conv2d_1', 'conv2d_2'):
        yield 'generator/residual_modules/' + name, c + s, c + s
    for scale in scales:
        for name, factor in zip(('conv2d', 'conv2d_1', 'conv2d_2'), UPSCALING[scale]):
            yield 'generator/upscale/x%d/%s' % (scale, name), c, c * factor ** 2
    if len(scales) == 1:
        yield 'generator/last_conv/conv2d', c, 3
        return
    for scale in scales:
        yield 'generator/last_conv/x%d/conv2d' % scale, c, 3


def expected_shapes(scales, c, s):
    shapes = {}
    for name, fan_in, fan_out in layers(scales, c, s):
        shapes[name + '/kernel'] = (3, 3, fan_in, fan_out)
        shapes[name + '/bias'] = (fan_out,)
    return shapes


def random_weights(scales, c, s, seed=0):
    """Weights under which features keep their size, and every bias and every state matters."""
    draw = np.random.RandomState(seed)
    weights = {}
    for name, fan_in, fan_out in layers(scales, c, s):
        gain = 0.25 if 'residual_modules' in name else 1.0
        kernel = draw.normal(0, gain / np.sqrt(9 * fan_in), (3, 3, fan_in, fan_out))
        weights[name + '/kernel'] = kernel.astype(np.float32)
        weights[name + '/bias'] = draw.normal(0, 3, fan_out).astype(np.float32)
    return weights


def convolved(x, weights, name):
    kernel, bias = weights[name + '/kernel'], weights[name + '/bias']
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), 'constant')
    return bias + sum(
        np.dot(padded[:, row:row + height, column:column + width], kernel[row, column])
        for row in range(3) for column in range(3))


def spread(x, factor):
    """Channels become pixels: channel (row * factor + column) * C + colour."""
    images, height, width, channels = x.shape
    colours = channels // factor ** 2
    result = np.empty((images, height * factor, width * factor, colours), x.dtype)
    for row in range(factor):
        for column in range(factor):
            first = (row * factor + column) * colours
            result[:, row::factor, column::factor] = x[..., first:first + colours]
    return result


def forward(weights, images, scale, recursions, frequency=1):
    """The outputs of BSRN for images `[N, H, W, 3]` in 0..255, in float64."""
    weights = {name: value.astype(np.float64) for name, value in weights.items()}
    c = weights['generator/first_conv/conv2d/bias'].size
    s = weights['generator/residual_modules/conv2d/bias'].size - c
    x = convolved(images - MEAN, weights, 'generator/first_conv/conv2d')
    state = np.zeros(x.shape[:3] + (s,))
    outputs = []
    for recursion in range(1, recursions + 1):
        both = np.concatenate([x, state], axis=3)
        both = convolved(both, weights, 'generator/residual_modules/conv2d')
        both = convolved(np.maximum(both, 0), weights, 'generator/residual_modules/conv2d_1')
        x, state = x + both[..., :c], both[..., c:]
        both = np.concatenate([x, state], axis=3)
        both = convolved(both, weights, 'generator/residual_modules/conv2d_2')
        x, state = x + both[..., :c], both[..., c:]
        if recursion % frequency == 0:
            outputs.append(upscaled(x, weights, scale) + MEAN)
    return outputs


def upscaled(x, weights, scale):
    for name, factor in zip(('conv2d', 'conv2d_1', 'conv2d_2'), UPSCALING[scale]):
        x = convolved(x, weights, 'generator/upscale/x%d/%s' % (scale, name))
        x = spread(np.maximum(x, 0), factor)
    several = 'generator/last_conv/x%d/conv2d' % scale
    return convolved(x, weights, several if several + '/bias' in weights
                     else 'generator/last_conv/conv2d')


def combined(outputs, frequency=1):
    weights = [2.0 ** (frequency * (k - len(outputs))) for k in range(1, len(outputs) + 1)]
    return sum(weight * output for weight, output in zip(weights, outputs)) / sum(weights)


def loss(weights, images, truth, scale, recursions, frequency=1, distance=np.abs):
    """The published loss: the mean distance after m recursions weighs 2^(m-1), normalised."""
    outputs = forward(weights, images, scale, recursions, frequency)
    shares = [2.0 ** (frequency * (index + 1) - 1) for index in range(len(outputs))]
    distances = [np.mean(distance(output - truth)) for output in outputs]
    return np.dot(shares, distances) / np.sum(shares)


def write_checkpoint(prefix, arrays):
    """What another program would write: TensorFlow's own files, and nothing beside them."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, initializer=tf.constant(value))
                     for name, value in sorted(arrays.items())]
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(variables).save(session, str(prefix))


def read_checkpoint(prefix):
    reader = tf.train.NewCheckpointReader(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def random_image(height, width, seed=1):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def build(scales, **hyper_parameters):
    return models.find('bsrn')(scales, **hyper_parameters)


def initial_values(scales, seed=7, **hyper_parameters):
    model = build(scales, **hyper_parameters)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        for scale in scales:
            model.network(tf.zeros([1, 8, 8, 3]), scale)
        session.run(tf.global_variables_initializer())
        return {variable.op.name: session.run(variable) for variable in model.variables()}


def assert_equal_images(ours, theirs):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs):
        assert mine.shape == other.shape
        assert np.abs(mine - other).max() < 1e-3


@pytest.mark.parametrize('scales', [(2,), (3,), (4,), (8,), (2, 3, 4)])
def test_every_output_equals_the_reference(tmp_path, scales):
    weights = random_weights(scales, 8, 6)
    prefix = write_checkpoint(tmp_path / 'weights.ckpt', weights)
    upscaler = sr_tf.load(prefix, chip='cpu', precision='fp32')
    assert upscaler.scales == scales
    batch = np.stack([random_image(5, 7, 1), random_image(5, 7, 2)]).astype(np.float32)
    for scale in scales:
        expected = forward(weights, batch, scale, 16)
        assert 50 < np.std(expected[-1]) < 500, 'the weights make no sensible range'
        assert np.abs(expected[0] - expected[1]).max() > 1
        assert_equal_images(upscaler.network(batch, scale), expected)
    upscaler.close()


def test_full_size_outputs_equal_the_reference(tmp_path):
    weights = random_weights((2,), 64, 64)
    prefix = write_checkpoint(tmp_path / 'weights.ckpt', weights)
    upscaler = sr_tf.load(prefix, chip='cpu', precision='fp32')
    batch = random_image(6, 5)[np.newaxis].astype(np.float32)
    assert_equal_images(upscaler.network(batch), forward(weights, batch, 2, 16))
    upscaler.close()


def test_image_is_the_weighted_sum_of_all_outputs(tmp_path):
    weights = random_weights((3,), 6, 5)
    prefix = write_checkpoint(tmp_path / 'weights.ckpt', weights)
    upscaler = sr_tf.load(prefix, chip='cpu', precision='fp32', hyper_parameters={'recursions': 4})
    image = random_image(6, 9)
    outputs = forward(weights, image[np.newaxis], 3, 4)
    enlarged = upscaler(image)
    assert enlarged.dtype == np.float32
    assert_equal_images([enlarged], [combined(outputs)[0]])
    assert_equal_images(upscaler.outputs(image, scale=3), [output[0] for output in outputs])
    assert_equal_images([upscaler(image.astype(np.uint16) * 257) / 257], [combined(outputs)[0]])
    upscaler.close()


def test_recursion_frequency_skips_outputs(tmp_path):
    weights = random_weights((2,), 6, 5)
    prefix = write_checkpoint(tmp_path / 'weights.ckpt', weights)
    upscaler = sr_tf.load(prefix, chip='cpu',
                          hyper_parameters={'recursions': 7, 'recursion_frequency': 2})
    image = random_image(6, 9)
    every = forward(weights, image[np.newaxis], 2, 7)
    expected = [every[1], every[3], every[5]]
    assert_equal_images(upscaler.network(image[np.newaxis].astype(np.float32)), expected)
    assert_equal_images([upscaler(image)], [combined(expected, frequency=2)[0]])
    upscaler.close()


@pytest.mark.parametrize('scales, count', [((2,), 593987), ((4,), 741699),
                                           ((2, 3, 4), 1225225)])
def test_number_of_parameters_is_the_published_one(scales, count):
    model = build(scales)
    with tf.Graph().as_default():
        for scale in scales:
            model.network(tf.zeros([1, 8, 8, 3]), scale)
        assert sum(np.prod(variable.shape.as_list()) for variable in model.variables()) == count


@pytest.mark.parametrize('scales', [(2,), (3,), (4,), (8,), (2, 3, 4, 8)])
def test_names_and_shapes_are_the_published_ones(scales):
    values = initial_values(scales, conv_features=5, state_features=4, recursions=2)
    assert {name: value.shape for name, value in values.items()} == expected_shapes(scales, 5, 4)


def test_names_spelled_out():
    assert {'generator/upscale/x4/conv2d_1/bias', 'generator/last_conv/x4/conv2d/kernel',
            'generator/residual_modules/conv2d_2/kernel'} <= set(expected_shapes((2, 4), 5, 4))
    assert 'generator/last_conv/conv2d/kernel' in expected_shapes((4,), 5, 4)


def test_initial_weights():
    values = initial_values((2, 3))
    for name, value in values.items():
        if name.endswith('/bias'):
            assert not value.any(), name
            continue
        fan_in, fan_out = 9 * value.shape[2], 9 * value.shape[3]
        count = value.size
        if name in ('generator/residual_modules/conv2d/kernel',
                    'generator/residual_modules/conv2d_1/kernel'):
            deviation = np.sqrt(1e-4 / fan_in)
        else:
            limit = np.sqrt(6.0 / (fan_in + fan_out))
            assert np.abs(value).max() <= limit * (1 + 1e-6), name
            assert np.abs(value).max() > 0.99 * limit, name
            deviation = limit / np.sqrt(3)
        # Five standard errors of the mean and, at most, of the deviation.
        assert abs(value.mean()) < 5 * deviation / np.sqrt(count), name
        assert abs(value.std() / deviation - 1) < 5 / np.sqrt(2 * count), name
    assert len({value.tobytes() for name, value in values.items() if 'kernel' in name}) == 8


def test_initial_weights_depend_on_the_seed():
    sizes = {'conv_features': 5, 'state_features': 4, 'recursions': 1}
    one, again, other = (initial_values((2,), seed, **sizes) for seed in (7, 7, 8))
    for name in one:
        assert np.array_equal(one[name], again[name]), name
        assert np.array_equal(one[name], other[name]) == name.endswith('/bias'), name


@pytest.mark.parametrize('frequency', [1, 2])
def test_loss_and_gradient_equal_finite_differences(frequency):
    recursions, batch = 4, random_image(12, 7)
    weights = random_weights((2,), 4, 3)
    images = batch.reshape(2, 6, 7, 3).astype(np.float32)
    truth = np.stack([random_image(12, 14, 2), random_image(12, 14, 3)]).astype(np.float32)
    names = ['generator/residual_modules/conv2d/kernel', 'generator/upscale/x2/conv2d/bias']
    model = build((2,), conv_features=4, state_features=3, recursions=recursions,
                  recursion_frequency=frequency)
    with tf.Graph().as_default(), tf.Session() as session:
        value = model.loss(model.network(tf.constant(images), 2), tf.constant(truth),
                           lambda output, expected: tf.reduce_mean(tf.abs(output - expected)))
        variables = {variable.op.name: variable for variable in model.variables()}
        session.run([tf.assign(variables[name], weights[name]) for name in variables])
        value, gradients = session.run(
            [value, tf.gradients(value, [variables[name] for name in names])])

    assert abs(value - loss(weights, images, truth, 2, recursions, frequency)) < 1e-4 * value
    step = 1e-6
    for name, gradient in zip(names, gradients):
        assert np.abs(gradient).max() > 1e-2
        picked = np.random.RandomState(3).choice(gradient.size, min(gradient.size, 12), False)
        for place in picked:
            sides = []
            for change in (step, -step):
                moved = {key: array.astype(np.float64) for key, array in weights.items()}
                moved[name].flat[place] += change
                sides.append(loss(moved, images, truth, 2, recursions, frequency))
            difference = (sides[0] - sides[1]) / (2 * step)
            assert abs(gradient.flat[place] - difference) < 1e-3 * np.abs(gradient).max()


def test_without_state_features(tmp_path):
    weights = random_weights((2,), 6, 0)
    prefix = write_checkpoint(tmp_path / 'weights.ckpt', weights)
    upscaler = sr_tf.load(prefix, chip='cpu', hyper_parameters={'recursions': 3})
    batch = random_image(6, 9)[np.newaxis].astype(np.float32)
    assert_equal_images(upscaler.network(batch), forward(weights, batch, 2, 3))
    upscaler.close()


def with_optimizer(weights, steps):
    """The names under which other programs keep Adam's state, filled with what may be there."""
    draw = np.random.RandomState(5)
    state = {'beta1_power': np.float32(0.9 ** (steps + 1)),
             'beta2_power': np.float32(0.999 ** (steps + 1))}
    for name, value in weights.items():
        state[name + '/Adam'] = draw.normal(0, 1, value.shape).astype(np.float32)
        state[name + '/Adam_1'] = draw.uniform(0.5, 1, value.shape).astype(np.float32)
    return dict(weights, **state)


def test_published_checkpoint_with_optimizer_is_read(tmp_path):
    weights = random_weights((2, 3, 4), 6, 5)
    prefix = write_checkpoint(tmp_path / 'bsrn_c6_s5_x234.ckpt', with_optimizer(weights, 100))
    assert not os.path.exists(prefix + '.json')
    batch = random_image(6, 5)[np.newaxis].astype(np.float32)
    for name in (prefix, prefix + '.index'):
        upscaler = sr_tf.load(name, chip='cpu', hyper_parameters={'recursions': 3})
        for scale in (2, 3, 4):
            assert_equal_images(upscaler.network(batch, scale), forward(weights, batch, scale, 3))
        upscaler.close()


def test_weights_of_another_program_that_do_not_fit_are_named(tmp_path):
    weights = random_weights((2,), 6, 5)
    del weights['generator/residual_modules/conv2d_1/bias']
    weights['generator/extra'] = np.zeros(3, np.float32)
    prefix = write_checkpoint(tmp_path / 'weights.ckpt', weights)
    with pytest.raises(UserError) as caught:
        sr_tf.load(prefix, chip='cpu', hyper_parameters={'recursions': 3})
    assert 'missing: generator/residual_modules/conv2d_1/bias' in str(caught.value)
    assert 'unexpected: generator/extra' in str(caught.value)


TRAINING = ['--model=bsrn', '--dataloader=folder_loader', '--scales=2', '--bsrn_conv_features=6',
            '--bsrn_state_features=5', '--bsrn_recursions=2', '--batch_size=2',
            '--input_patch_size=8', '--log_freq=1', '--chip=cpu', '--learning_rate=1e-3']


def test_training_continues_from_the_slots_of_a_published_checkpoint(tmp_path, photos, run_script):
    """One step, and Adam's rule applied by hand to the slots that the step started from."""
    weights = random_weights((2,), 6, 5)
    before = with_optimizer(weights, 100)
    prefix = write_checkpoint(tmp_path / 'published.ckpt', before)
    folder = tmp_path / 'run'
    run_script('train.py', *TRAINING, '--data_truth_path=%s' % photos,
               '--train_path=%s' % folder, '--restore_path=%s' % prefix, '--restore_target=all',
               '--global_step=100', '--max_steps=101', check=True)
    after = read_checkpoint(folder / 'model.ckpt-101')
    assert set(after) == set(before) | {'global_step'}
    assert after['global_step'] == 101
    assert np.isclose(after['beta1_power'], 0.9 ** 102, rtol=1e-5)
    assert np.isclose(after['beta2_power'], 0.999 ** 102, rtol=1e-5)
    rate = 1e-3 * np.sqrt(1 - 0.999 ** 101) / (1 - 0.9 ** 101)
    for name in weights:
        # A gradient that explains the first slot must explain the second and the weight.
        gradient = (after[name + '/Adam'] - 0.9 * before[name + '/Adam']) / 0.1
        second = 0.999 * before[name + '/Adam_1'] + 0.001 * gradient ** 2
        assert np.allclose(after[name + '/Adam_1'], second, rtol=1e-4, atol=1e-6), name
        change = rate * after[name + '/Adam'] / (np.sqrt(after[name + '/Adam_1']) + 1e-8)
        assert np.abs(before[name] - change - after[name]).max() < 1e-6, name
        assert np.abs(gradient).max() > 1e-3, name


def test_continued_checkpoint_of_another_program_equals_an_uninterrupted_run(
        tmp_path, photos, run_script):
    straight, continued = tmp_path / 'straight', tmp_path / 'continued'
    flags = TRAINING + ['--data_truth_path=%s' % photos, '--max_steps=6', '--save_freq=3']
    run_script('train.py', *flags, '--train_path=%s' % straight, check=True)
    middle = read_checkpoint(straight / 'model.ckpt-3')
    assert middle.pop('global_step') == 3
    prefix = write_checkpoint(tmp_path / 'published.ckpt', middle)
    run_script('train.py', *flags, '--train_path=%s' % continued, '--restore_path=%s' % prefix,
               '--restore_target=all', '--global_step=3', check=True)
    ours = read_checkpoint(continued / 'model.ckpt-6')
    theirs = read_checkpoint(straight / 'model.ckpt-6')
    assert set(ours) == set(theirs)
    for name in theirs:
        assert np.array_equal(ours[name], theirs[name]), name

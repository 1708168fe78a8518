"""The models against reference networks in PyTorch, most of them by way of imported weights."""
import contextlib
import os

import numpy as np
import pytest
from references import cases

import models
import sr_tf
from models import kernel_gradients, layers, weights
from sr_tf import checkpoint
from sr_tf.compat import tf
from sr_tf.errors import UsageError
from sr_tf.images import resize
from sr_tf.training.losses import LOSSES
from sr_tf.upscaler import read_model
from sr_tf.weights import mindspore_file, torch_file
from sr_tf.weights.importer import import_weights

SINGLE_SCALE = ('rcan', 'rdn', 'srcnn', 'wdsr')
EVERY_CASE = [(network, scale) for network in cases.NETWORKS for scale in cases.SCALES]


class Imports:
    """Imports each weight file once."""

    def __init__(self, folder):
        self._folder = folder
        self._known = {}

    def __call__(self, network, scale):
        """The weight file and the checkpoint made from it."""
        if (network, scale) not in self._known:
            path = cases.weight_file(cases.name_of(network, scale), self._folder)
            scales = (scale,) if network.startswith('srcnn') else None
            target = os.path.join(str(self._folder), 'imported_%s_x%d' % (network, scale))
            self._known[network, scale] = path, import_weights(path, target, scales=scales).prefix
        return self._known[network, scale]


@pytest.fixture(scope='module')
def imported(tmp_path_factory):
    return Imports(tmp_path_factory.mktemp('imported'))


def relative_error(array, expected):
    assert array.shape == expected.shape
    return np.abs(array - expected).max() / np.ptp(expected)


@pytest.mark.parametrize('network, scale', EVERY_CASE)
def test_network_gives_the_reference_output(imported, network, scale):
    expected = cases.answers(cases.name_of(network, scale))
    upscaler = sr_tf.load(imported(network, scale)[1], 'cpu')
    assert upscaler.scales == (scale,)
    assert relative_error(upscaler.network(expected['input'])[-1], expected['output']) < 1e-4


@pytest.mark.parametrize('way', [contextlib.nullcontext, lambda: kernel_gradients.quick(False),
                                 lambda: kernel_gradients.quick(True)])
@pytest.mark.parametrize('network', cases.NETWORKS)
def test_gradients_are_those_of_autograd(imported, network, way):
    expected = cases.answers(cases.name_of(network, 2))
    inputs, truth = expected.pop('input'), expected.pop('truth').astype(np.float32)
    del expected['output']
    assert expected
    prefix = imported(network, 2)[1]
    with tf.Graph().as_default(), tf.Session() as session:
        model = read_model(prefix)
        values = checkpoint.read_values(prefix, weights.shapes(model))
        tensors = {name: tf.constant(value) for name, value in values.items()}
        with weights.taken_from(tensors), way():
            outputs = model.network(tf.constant(inputs), 2)
        loss = model.loss(outputs, tf.constant(truth), LOSSES[model.recipe['loss']])
        for name, gradient in expected.items():
            own_name, gradient = as_here(name, gradient)
            computed = session.run(tf.gradients(loss, tensors[own_name])[0])
            assert relative_error(computed, gradient) < 1e-3, name


def as_here(name, array):
    """The name and the layout that a PyTorch weight, or its gradient, has here."""
    layer, _, kind = name.rpartition('.')
    scope = 'generator/%s/' % layer.replace('.', '/')
    if kind in ('weight', 'weight_v'):
        return scope + 'kernel', array.transpose(2, 3, 1, 0)
    return scope + kind.replace('weight_g', 'gain'), array.reshape(-1)


@pytest.mark.parametrize('scale', cases.SCALES)
def test_bsrn_gives_the_reference_outputs_and_gradients(tmp_path, scale):
    name = 'bsrn_x%d' % scale
    weights = dict(as_here(*item) for item in
                   torch_file.read(cases.weight_file(name, tmp_path)).items())
    expected = cases.answers(name)
    inputs, truth, output = (expected.pop(key) for key in ('input', 'truth', 'output'))
    with tf.Graph().as_default(), tf.Session() as session:
        model = models.find('bsrn')([scale], conv_features=5, state_features=4, recursions=3)
        outputs = model.network(tf.constant(inputs), scale)
        loss = model.loss(outputs, tf.constant(truth.astype(np.float32)), LOSSES['l1'])
        variables = {variable.op.name: variable for variable in model.variables()}
        checkpoint.assign(session, list(variables.values()), weights)
        assert relative_error(np.concatenate(session.run(outputs)), output) < 1e-4
        gradients = dict(as_here(*item) for item in expected.items())
        assert set(gradients) == set(variables)
        computed = session.run({own_name: tf.gradients(loss, variables[own_name])[0]
                                for own_name in gradients})
        for own_name, gradient in gradients.items():
            assert relative_error(computed[own_name], gradient) < 1e-3, own_name


@pytest.mark.parametrize('network, scale', EVERY_CASE)
def test_variables_have_the_original_names(imported, network, scale):
    path, prefix = imported(network, scale)
    reader = torch_file if torch_file.looks_like(path) else mindspore_file
    expected = {}
    for name, array in reader.read(path).items():
        if 'mean' not in name:
            own_name, array = as_here(name, array)
            expected[own_name] = array.shape
    assert checkpoint.read_shapes(prefix) == expected


def convolution(inputs, outputs, size, bias=1):
    return outputs * (size * size * inputs + bias)


def rcan_parameters(scale, features=64, groups=10, blocks=20, reduction=16):
    same = convolution(features, features, 3)
    attention = (convolution(features, features // reduction, 1)
                 + convolution(features // reduction, features, 1))
    group = blocks * (2 * same + attention) + same
    return (convolution(3, features, 3) + groups * group + same
            + convolution(features, features * scale ** 2, 3) + convolution(features, 3, 3))


def rdn_parameters(scale, features=64, blocks=16, depth=8):
    block = (sum(convolution(features * known, features, 3) for known in range(1, depth + 1))
             + convolution(features * (depth + 1), features, 1))
    enlarging = {2: convolution(features, 4 * features, 3),
                 3: convolution(features, 9 * features, 3),
                 4: convolution(features, 4 * features, 3) * 2}
    return (convolution(3, features, 3) + convolution(features, features, 3) + blocks * block
            + convolution(blocks * features, features, 1) + convolution(features, features, 3)
            + enlarging[scale] + convolution(features, 3, 3))


def srcnn_parameters(scale, bias=1):
    return (convolution(1, 64, 9, bias) + convolution(64, 32, 5, bias)
            + convolution(32, 1, 5, bias))


def wdsr_parameters(scale, features=64, blocks=16, weight_norm=0):
    narrow = int(0.8 * features)
    extra = 1 + weight_norm
    block = (convolution(features, 6 * features, 1, extra)
             + convolution(6 * features, narrow, 1, extra)
             + convolution(narrow, features, 3, extra))
    return (convolution(3, features, 3, extra) + blocks * block
            + convolution(features, 3 * scale ** 2, 3, extra)
            + convolution(3, 3 * scale ** 2, 5, extra))


@pytest.mark.parametrize('scale', cases.SCALES)
@pytest.mark.parametrize('name, size, formula, arguments', [
    ('rcan', {'num_features': 9, 'num_rg': 2, 'num_rcab': 3, 'reduction': 4},
     rcan_parameters, (9, 2, 3, 4)),
    ('rdn', {'num_features': 5, 'growth_rate': 5, 'num_blocks': 2, 'num_layers': 3},
     rdn_parameters, (5, 2, 3)),
    ('srcnn', {'bias': False}, srcnn_parameters, (0,)),
    ('wdsr', {'num_features': 7, 'num_blocks': 2}, wdsr_parameters, (7, 2)),
    ('wdsr', {'num_features': 7, 'num_blocks': 2, 'weight_norm': True}, wdsr_parameters, (7, 2, 1)),
])
def test_number_of_parameters_in_other_sizes(scale, name, size, formula, arguments):
    assert models.find(name)([scale], **size).parameters == formula(scale, *arguments)


@pytest.mark.parametrize('formula, counts', [
    (rcan_parameters, (15444643, 15629283, 15887779)),
    (rdn_parameters, (22123395, 22308035, 22271107)),
    (srcnn_parameters, (57281, 57281, 57281)),
    (wdsr_parameters, (1194188, 1203983, 1217696)),
])
def test_number_of_parameters_by_hand(formula, counts):
    assert tuple(map(formula, cases.SCALES)) == counts


@pytest.mark.parametrize('name, formula', [
    pytest.param('rcan', rcan_parameters, marks=pytest.mark.slow),
    pytest.param('rdn', rdn_parameters, marks=pytest.mark.slow),
    ('srcnn', srcnn_parameters), ('wdsr', wdsr_parameters),
])
def test_number_of_parameters_as_published(name, formula):
    assert models.find(name)([2]).parameters == formula(2)


def macs(inputs, outputs, size):
    """Multiplications with an addition for each place of a convolution."""
    return size * size * inputs * outputs


def test_multiply_adds_of_srcnn_are_of_the_enlarged_picture():
    at_each = macs(1, 64, 9) + macs(64, 32, 5) + macs(32, 1, 5)
    assert models.find('srcnn')([3]).multiply_adds(3, 7, 5) == at_each * 21 * 15


def test_multiply_adds_of_wdsr():
    block = macs(6, 36, 1) + macs(36, 4, 1) + macs(4, 6, 3)
    at_each = macs(3, 6, 3) + 2 * block + macs(6, 48, 3) + macs(3, 48, 5)
    model = models.find('wdsr')([4], num_features=6, num_blocks=2)
    assert model.multiply_adds(4, 10, 20) == at_each * 200


def test_multiply_adds_of_bsrn_are_of_all_recursions():
    both = 4 + 5
    recursion = 3 * macs(both, both, 3)
    enlarging = macs(4, 16, 3) + macs(4, 16, 3) * 4 + macs(4, 3, 3) * 16
    model = models.find('bsrn')([2, 4], conv_features=4, state_features=5, recursions=3)
    assert model.multiply_adds(4, 6, 5) == 30 * (macs(3, 4, 3) + 3 * (recursion + enlarging))


def test_attention_of_rcan_multiplies_once_for_a_picture():
    model = models.find('rcan')([2], num_features=8, num_rg=1, num_rcab=1, reduction=4)
    attention = macs(8, 2, 1) + macs(2, 8, 1)
    at_each = macs(3, 8, 3) + 4 * macs(8, 8, 3) + macs(8, 32, 3) + 4 * macs(8, 3, 3)
    assert model.multiply_adds(2, 9, 11) == 99 * at_each + attention


def test_multiply_adds_of_rdn():
    dense = macs(4, 4, 3) + macs(8, 4, 3) + macs(12, 4, 1)
    at_each = (macs(3, 4, 3) + macs(4, 4, 3) + 2 * dense + macs(8, 4, 1) + macs(4, 4, 3)
               + macs(4, 36, 3) + 9 * macs(4, 3, 3))
    model = models.find('rdn')([3], num_features=4, growth_rate=4, num_blocks=2, num_layers=2)
    assert model.multiply_adds(3, 10, 10) == 100 * at_each


@pytest.mark.parametrize('name', SINGLE_SCALE)
def test_one_scale_each(name):
    with pytest.raises(UsageError, match='one scale'):
        models.find(name)([2, 4])
    with pytest.raises(UsageError, match='x2, x3, x4'):
        models.find(name)([8])


@pytest.mark.parametrize('name, size, message', [
    ('rdn', {'growth_rate': 32}, '--rdn_growth_rate=32'),
    ('rdn', {'num_features': 0, 'growth_rate': 0}, 'no features'),
    ('rcan', {'reduction': 0}, '--rcan_reduction=0'),
    ('rcan', {'reduction': 65}, '--rcan_reduction=65'),
    ('wdsr', {'num_features': 1}, 'no features'),
])
def test_sizes_that_make_no_network(name, size, message):
    with pytest.raises(UsageError, match=message):
        models.find(name)([2], **size).parameters  # noqa: B018


def normalized_convolution():
    """The input `v`, `gain` and effective kernel of a convolution with random weights."""
    x = tf.zeros([1, 5, 5, 3])
    result = layers.conv2d(x, 4, 3, initializer=layers.fan_in_uniform, bias=False,
                           weight_norm=True)
    variables = {variable.op.name: variable for variable in tf.global_variables()}
    return variables['conv2d/kernel'], variables['conv2d/gain'], result.op.inputs[1]


def test_weight_norm_first_changes_nothing():
    with tf.Graph().as_default(), tf.Session() as session:
        kernel, _, effective = normalized_convolution()
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(*session.run([effective, kernel]), rtol=1e-5)


def test_weight_norm_is_gain_times_direction():
    draw = np.random.RandomState(0)
    direction = draw.randn(3, 3, 3, 4).astype(np.float32)
    gain = draw.rand(4).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = normalized_convolution()
        checkpoint.assign(session, variables[:2],
                          {'conv2d/kernel': direction, 'conv2d/gain': gain})
        effective = session.run(variables[2])
    for feature in range(4):
        part = direction[..., feature]
        np.testing.assert_allclose(effective[..., feature],
                                   gain[feature] * part / np.linalg.norm(part), rtol=1e-5)


YCBCR = np.array([[65.738, 129.057, 25.064],
                  [-37.945, -74.494, 112.439],
                  [112.439, -94.154, -18.285]]) / 256


@pytest.mark.parametrize('scale', cases.SCALES)
def test_srcnn_changes_the_luma_and_keeps_the_chroma(imported, scale):
    image = np.random.RandomState(0).randint(0, 256, (9, 8, 3)).astype(np.uint8)
    upscaler = sr_tf.load(imported('srcnn', scale)[1], 'cpu')
    converted = resize.upscale(image, scale).dot(YCBCR.T)
    luma = ((converted[..., 0] + 16) / 255).astype(np.float32)
    output = upscaler.network(luma[np.newaxis, ..., np.newaxis])[-1]
    converted[..., 0] = 255 * output[0, ..., 0] - 16
    expected = converted.dot(np.linalg.inv(YCBCR).T)
    result = upscaler(image)
    assert result.dtype == np.float32
    assert relative_error(result, expected) < 1e-4


@pytest.mark.parametrize('name', SINGLE_SCALE)
def test_x4_starts_from_x2(imported, run_script, photos, tmp_path, name):
    source = imported(name, 2)[1]
    result = run_script(
        'train.py', '--model=' + name, '--scales=4', '--restore_path=' + source, '--chip=cpu',
        '--data_truth_path=%s' % photos, '--train_path=%s' % tmp_path, '--batch_size=1',
        '--input_patch_size=8', '--max_steps=2', check=True)
    trained = sr_tf.load(str(tmp_path), 'cpu')
    assert trained.scales == (4,)
    before, after = (checkpoint.read_shapes(prefix) for prefix in (source, trained.checkpoint))
    shared = sorted(weight for weight in before if before[weight] == after.get(weight))
    weights = sum(map(checkpoint.is_weight, after))
    assert '%d of %d weights taken' % (len(shared), weights) in result.stdout
    old, new = (checkpoint.read_values(prefix, shared) for prefix in (source, trained.checkpoint))
    for weight in shared:
        # Adam moves each weight by its learning rate at most.
        np.testing.assert_allclose(new[weight], old[weight], rtol=0, atol=2.1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['rcan', 'rdn'])
def test_trains_at_full_depth(run_script, photos, tmp_path, name):
    run_script('train.py', '--model=' + name, '--chip=cpu', '--data_truth_path=%s' % photos,
               '--train_path=%s' % tmp_path, '--batch_size=1', '--input_patch_size=8',
               '--max_steps=1', check=True)
    shapes = checkpoint.read_shapes(checkpoint.resolve(str(tmp_path)))
    count = {'rcan': rcan_parameters, 'rdn': rdn_parameters}[name](2)
    assert sum(int(np.prod(shape)) for weight, shape in shapes.items()
               if checkpoint.is_weight(weight)) == count

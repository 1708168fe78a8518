"""import_weights.py: what becomes of files, good and bad, of PyTorch, MindSpore and TensorFlow."""
import glob
import io
import os
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from references import cases, mindspore

import models
import sr_tf
from sr_tf import checkpoint
from sr_tf.compat import tf
from sr_tf.errors import UsageError, UserError
from sr_tf.weights import mindspore_file, torch_file
from sr_tf.weights.importer import import_weights


@pytest.fixture
def target(tmp_path):
    return str(tmp_path / 'imported')


@pytest.fixture
def written(tmp_path):
    """Writes arrays under their original names as a MindSpore file."""
    def write(arrays, name='weights.ckpt'):
        path = tmp_path / name
        path.write_bytes(mindspore.encoded(arrays))
        return str(path)
    return write


def weights(name, tmp_path):
    """The arrays of a case under their original names."""
    path = cases.weight_file(name, tmp_path)
    reader = torch_file if torch_file.looks_like(path) else mindspore_file
    return {key: np.ascontiguousarray(array) for key, array in reader.read(path).items()}


def refusal(path, target, *arguments, **options):
    """The message of the UserError, which must leave nothing behind."""
    with pytest.raises(options.pop('error', UserError)) as caught:
        import_weights(path, target, *arguments, **options)
    assert not os.path.exists(target)
    return str(caught.value)


class TestScript:
    def test_makes_a_checkpoint_that_needs_no_model(self, run_script, tmp_path, target):
        path = cases.weight_file('rcan_x3', tmp_path)
        result = run_script('import_weights.py', '--input=' + path, '--output_path=' + target,
                            check=True)
        prefix = os.path.join(target, 'model.ckpt-0')
        assert result.stdout.splitlines() == [
            path + ': rcan x3, num_features 4, num_rg 2, num_rcab 3, reduction 2',
            'done: ' + prefix]
        assert not result.stderr
        assert sorted(os.listdir(target)) == ['checkpoint'] + [
            'model.ckpt-0.' + ending for ending in ('data-00000-of-00001', 'index', 'json')]
        metadata = checkpoint.read_metadata(prefix)
        assert sorted(metadata.pop('versions')) == ['numpy', 'python', 'sr_tf', 'tensorflow']
        assert metadata == {
            'model': 'rcan', 'scales': [3], 'step': 0, 'seed': None, 'recipe': {}, 'score': None,
            'hyper_parameters': {'num_features': 4, 'num_rg': 2, 'num_rcab': 3, 'reduction': 2},
            'imported_from': 'rcan_x3'}

    def test_a_checkpoint_beside_it_is_not_taken_for_it(self, tmp_path, target):
        path = cases.weight_file('rcan_x3', tmp_path)
        os.rename(path, path + '.pth')
        for ending in ('.index', '.data-00000-of-00001'):
            with open(path + ending, 'wb') as file:
                file.write(b'of another')
        assert import_weights(path + '.pth', target).model.name() == 'rcan'

    def test_names_of_a_wrapped_mindspore_network(self, tmp_path, target, written):
        arrays = weights('srcnn_without_bias', tmp_path)
        wrapped = written({'network._backbone.' + name: array for name, array in arrays.items()})
        imported = import_weights(wrapped, target)
        assert not imported.unused
        kernel = 'generator/conv1/kernel'
        assert np.array_equal(checkpoint.read_values(imported.prefix, [kernel])[kernel],
                              arrays['conv1.weight'].transpose(2, 3, 1, 0))

    def test_lists_what_it_cannot_use_and_warns(self, run_script, tmp_path, target, written):
        arrays = weights('srcnn_without_bias', tmp_path)
        arrays['moment1.conv1.weight'] = arrays['conv1.weight']
        arrays['learning_rate'] = np.zeros([], np.float32)
        path = written(arrays)
        result = run_script('import_weights.py', '--input=' + path, '--output_path=' + target,
                            check=True)
        assert result.stdout.splitlines()[:-1] == [
            'not used: learning_rate', 'not used: moment1.conv1.weight',
            path + ': srcnn x2, bias False']
        assert result.stderr.startswith('warning: %s: ' % path)
        assert 'x2; --scales' in result.stderr

    def test_runs_nothing_that_a_pickle_asks_for(self, run_script, tmp_path, target):
        marker = tmp_path / 'marker'

        class Evil:
            def __reduce__(self):
                return os.system, ('touch "%s"' % marker,)

        stream = io.BytesIO()
        with zipfile.ZipFile(stream, 'w') as archive:
            archive.writestr('archive/data.pkl', pickle.dumps({'sf.weight': Evil()}, 2))
        path = tmp_path / 'evil.pth'
        path.write_bytes(stream.getvalue())
        result = run_script('import_weights.py', '--input=%s' % path, '--output_path=' + target)
        assert result.returncode == 1
        assert result.stderr.count('\n') == 1
        assert 'evil.pth: asks for' in result.stderr
        assert 'system, which is not a tensor: refused' in result.stderr
        assert not marker.exists()
        assert not os.path.exists(target)

    def test_flags_are_needed(self, run_script):
        result = run_script('import_weights.py')
        assert result.returncode == 2
        assert '--input is missing' in result.stderr


@pytest.mark.parametrize('name, scales', [('rdn_x2', (2,)), ('wdsr_x3', (3,)), ('srcnn', (4,))])
def test_flags_that_the_file_agrees_with(tmp_path, target, name, scales):
    path = cases.weight_file(name, tmp_path)
    imported = import_weights(path, target, name.split('_')[0], scales)
    assert imported.model.scales == scales
    assert not imported.warnings
    assert not imported.unused


def test_wrong_architecture(tmp_path, target):
    path = cases.weight_file('rdn_x2', tmp_path)
    assert refusal(path, target, 'rcan') == path + ': looks like rdn and not like --model=rcan'


def test_unknown_architecture(target, written):
    path = written({'features.0.weight': np.zeros((64, 3, 3, 3), np.float32)})
    message = refusal(path, target)
    assert 'none of the models here (bsrn, rcan, rdn, srcnn, wdsr)' in message
    assert 'features.0.weight' in message


def test_wrong_scale(tmp_path, target):
    path = cases.weight_file('rdn_x2', tmp_path)
    message = refusal(path, target, None, (3,), error=UsageError)
    assert message == '--scales=3: %s is for x2' % path


@pytest.mark.parametrize('name, changed, shape', [
    ('rcan_x2', 'upscale.0.weight', (4 * 64, 4, 3, 3)),
    ('rcan_x2', 'rgs.0.module.0.module.3.module.1.weight', (9, 4, 1, 1)),
    ('rdn_x2', 'rdbs.0.layers.0.conv.weight', (6, 4, 3, 3)),
    ('wdsr_x2', 'tail.0.weight', (3, 5, 3, 3)),
    ('wdsr_x2', 'head.0.weight', (1, 3, 3, 3)),
])
def test_shapes_that_fit_no_hyper_parameters(tmp_path, target, written, name, changed, shape):
    arrays = dict(weights(name, tmp_path), **{changed: np.zeros(shape, np.float32)})
    message = refusal(written(arrays), target)
    assert 'looks like %s, but its shapes fit no hyper-parameters: ' % name.split('_')[0] in message


@pytest.mark.parametrize('name, changed, shape, expected', [
    ('rcan_x2', 'rgs.1.module.3.bias', (5,), 'misshaped: generator/rgs/1/module/3/bias'),
    ('rcan_x2', 'conv2.weight', (4, 4, 3, 3), 'misshaped: generator/conv2/kernel'),
    ('wdsr_x2', 'body.1.body.2.weight', None, 'missing: generator/body/1/body/2/kernel'),
    ('wdsr_x2', 'body.3.body.2.weight', (4, 30, 1, 1), 'unexpected: generator/body/3/body/2'),
    ('wdsr_x2', 'body.1.body.2.weight_g', (4, 1, 1, 1), 'unexpected: generator/body/1/body/2/gain'),
    ('srcnn_without_bias', 'conv2.bias', (32,), 'unexpected: generator/conv2/bias'),
])
def test_weights_that_do_not_fit(tmp_path, target, written, name, changed, shape, expected):
    arrays = weights(name, tmp_path)
    arrays.pop(changed, None)
    if shape:
        arrays[changed] = np.zeros(shape, np.float32)
    path = written(arrays)
    message = refusal(path, target)
    assert message.startswith('%s (%s): does not fit the model: ' % (path, name.split('_')[0]))
    assert expected in message


@pytest.mark.parametrize('array', [
    np.zeros((4, 3), np.float32), np.zeros((4, 3, 3, 3), np.int32),
    np.zeros((0, 3, 3, 3), np.float32),
])
def test_what_cannot_be_a_kernel_is_none(tmp_path, target, written, array):
    arrays = dict(weights('rcan_x2', tmp_path), **{'sf.weight': array})
    assert 'missing: generator/sf/kernel' in refusal(written(arrays), target)


def test_another_mean_is_warned_of(tmp_path, target, written):
    arrays = weights('wdsr_x2', tmp_path)
    arrays['sub_mean.bias'] = arrays['sub_mean.bias'] + np.float32(1)
    imported = import_weights(written(arrays), target)
    assert len(imported.warnings) == 1
    assert imported.warnings[0].startswith('sub_mean.bias is not ')
    assert not imported.unused


@pytest.mark.parametrize('name', ['rcan_x2', 'rcan_x3', 'wdsr_x2'])
def test_truncated(tmp_path, target, name):
    path = cases.weight_file(name, tmp_path)
    os.truncate(path, os.path.getsize(path) - 100)
    assert 'truncated or damaged' in refusal(path, target)


@pytest.mark.parametrize('content, expected', [
    (b'', 'is empty'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'git-lfs'),
    (b'<html></html>', 'is a text file'),
    (b'\x89HDF\r\n\x1a\n\0', 'is no PyTorch file, no MindSpore file and no TensorFlow checkpoint'),
])
def test_other_files(tmp_path, target, content, expected):
    path = tmp_path / 'weights'
    path.write_bytes(content)
    message = refusal(str(path), target)
    assert message.startswith('%s: ' % path)
    assert expected in message


def test_no_file(tmp_path, target):
    path = str(tmp_path / 'absent.pth')
    assert refusal(path, target) == path + ': no such file'
    assert 'there is no checkpoint' in refusal(str(tmp_path), target)


def test_a_folder_that_is_in_use(tmp_path, target):
    path = cases.weight_file('srcnn', tmp_path)
    prefix = import_weights(path, target, scales=(2,)).prefix
    with pytest.raises(UserError, match='holds a checkpoint already'):
        import_weights(path, target, scales=(3,))
    assert checkpoint.read_metadata(prefix)['scales'] == [2]
    with pytest.raises(UserError, match='of this suite already'):
        import_weights(prefix, str(tmp_path / 'other'))


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """The prefix of a checkpoint with slots of Adam and nothing beside it, and its arrays."""
    prefix = tmp_path_factory.mktemp('published') / 'bsrn.ckpt'
    with tf.Graph().as_default(), tf.Session() as session:
        model = models.find('bsrn')((2, 4), conv_features=4, state_features=3, recursions=2)
        outputs = [model.network(tf.ones([1, 6, 5, 3]), scale) for scale in model.scales]
        tf.train.AdamOptimizer().minimize(sum(map(tf.reduce_sum, sum(outputs, []))))
        tf.get_variable('counter', initializer=3.0)
        session.run(tf.global_variables_initializer())
        arrays = {variable.op.name: session.run(variable)
                  for variable in tf.global_variables()}
        return tf.train.Saver().save(session, str(prefix)), arrays


class TestTensorFlow:
    """Checkpoints of tf-bsrn-sr: TensorFlow's files, with the names that BSRN has here."""

    @pytest.mark.parametrize('ending', ['', '.index', '.data-00000-of-00001'])
    def test_is_copied_with_its_optimizer(self, published, target, ending):
        prefix, arrays = published
        imported = import_weights(prefix + ending, target, hyper_parameters={'recursions': 2})
        assert imported.unused == ['counter']
        arrays = {name: array for name, array in arrays.items() if name != 'counter'}
        assert any(name.endswith('/Adam_1') for name in arrays)
        copied = checkpoint.read_values(imported.prefix, checkpoint.read_shapes(imported.prefix))
        assert sorted(copied) == sorted(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(copied[name], array)

    def test_computes_the_same(self, published, target):
        image = np.random.RandomState(0).randint(0, 256, (6, 5, 3)).astype(np.uint8)
        expected = sr_tf.load(published[0], 'cpu', hyper_parameters={'recursions': 2})
        import_weights(published[0], target, 'bsrn', (2, 4), {'recursions': 2})
        upscaler = sr_tf.load(target, 'cpu')
        assert upscaler.model.hyper_parameters['recursions'] == 2
        for scale in (2, 4):
            np.testing.assert_array_equal(upscaler(image, scale), expected(image, scale))

    def test_of_another_architecture(self, published, target):
        assert 'looks like bsrn and not like --model=wdsr' in refusal(
            published[0], target, 'wdsr')

    def test_truncated(self, published, tmp_path, target):
        for path in glob.glob(published[0] + '*'):
            shutil.copy(path, str(tmp_path))
        data = str(tmp_path / 'bsrn.ckpt.data-00000-of-00001')
        os.truncate(data, os.path.getsize(data) // 2)
        assert 'truncated or damaged' in refusal(str(tmp_path / 'bsrn.ckpt'), target)


@pytest.mark.slow
class TestPublishedSizes:
    """Live, where PyTorch is installed beside TensorFlow."""

    @pytest.mark.parametrize('scale', cases.SCALES)
    @pytest.mark.parametrize('name', ['rcan', 'rdn', 'srcnn', 'wdsr'])
    def test_parity(self, tmp_path, target, name, scale):
        torch = pytest.importorskip('torch')
        network = reference(torch, name, scale)
        path = str(tmp_path / 'weights.pth')
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=scale != 3)
        inputs = torch.rand(1, 1 if name == 'srcnn' else 3, 8, 9) * (255 if name == 'wdsr' else 1)
        with torch.no_grad():
            expected = network(inputs).permute(0, 2, 3, 1).numpy()
        imported = import_weights(path, target, scales=(scale,))
        assert imported.model.hyper_parameters == dict(
            models.find(name).hyper_parameters, **{'weight_norm': True} if name == 'wdsr' else {})
        output = sr_tf.load(target, 'cpu').network(inputs.permute(0, 2, 3, 1).numpy())[-1]
        assert np.abs(output - expected).max() < 1e-4 * np.ptp(expected)


def reference(torch, name, scale):
    from bench.pytorch.rcan import RCAN
    from bench.pytorch.rdn import RDN
    from bench.pytorch.srcnn import SRCNN
    from bench.pytorch.wdsr import WDSR
    torch.manual_seed(scale)
    return {'rcan': lambda: RCAN(scale), 'rdn': lambda: RDN(scale), 'srcnn': SRCNN,
            'wdsr': lambda: WDSR(scale, weight_norm=True)}[name]()

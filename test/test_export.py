"""What export.py writes computes what the checkpoint does, in the programs that it is for."""
import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from random_networks import NAMES, make_model, random_image, save_checkpoint

import sr_tf
from models import layers
from sr_tf.chips.session import Chip
from sr_tf.compat import tf
from sr_tf.errors import UserError
from sr_tf.exporting import exporter as exporting
from sr_tf.exporting.exporter import Exporter
from sr_tf.graphs import onnx_file, pictures, trained
from sr_tf.images import resize
from sr_tf.images.files import to_uint8

EVERY_CASE = [(name, scale) for name in NAMES for scale in (2, 3, 4)]
SIZES = ((19, 27), (1, 1), (7, 45))
TOLERANCE = 1e-3


class Exports:
    """Makes each checkpoint and each export of it once."""

    def __init__(self, folder):
        self._folder = folder
        self._upscalers = {}
        self._paths = {}

    def upscaler(self, name, scale):
        if (name, scale) not in self._upscalers:
            model = make_model(name, scale)
            prefix = save_checkpoint(self._folder / ('%s_x%d' % (name, scale)), model)
            self._upscalers[name, scale] = sr_tf.load(prefix, Chip('cpu', 'fp32'))
        return self._upscalers[name, scale]

    def __call__(self, form, name, scale, pixels='float'):
        case = form, name, scale, pixels
        if form == 'onnx':
            pytest.importorskip('onnxruntime')
        if case not in self._paths:
            exporter = Exporter(self.upscaler(name, scale), scale, pixels)
            self._paths[case] = exporter.write(form, str(self._folder / 'exported')).path
        return self._paths[case]


@pytest.fixture(scope='module')
def exports(tmp_path_factory):
    return Exports(tmp_path_factory.mktemp('exports'))


def batches(dtype=np.float32):
    return [np.stack([random_image(height, width, seed) for seed in (0, 1)]).astype(dtype)
            for height, width in SIZES]


def expected(upscaler, batch, scale):
    return np.stack(upscaler.enlarge_all(list(batch), scale))


def assert_equal_to_checkpoint(exports, name, scale, run):
    for batch in batches():
        pictures_made = run(batch)
        assert pictures_made.dtype == np.float32
        np.testing.assert_allclose(pictures_made, expected(exports.upscaler(name, scale), batch,
                                                           scale), atol=TOLERANCE, rtol=0)


def onnxruntime_runner(path):
    onnxruntime = pytest.importorskip('onnxruntime')
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return lambda batch: session.run(['enlarged'], {'image': batch})[0]


def openvino_runner(path):
    openvino = pytest.importorskip('openvino', reason='OpenVINO is for Python 3.10 and newer')
    compiled = openvino.Core().compile_model(path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return lambda batch: compiled({'image': batch})['enlarged']


def frozen_runner(path):
    definition = tf.GraphDef()
    with open(path, 'rb') as file:
        definition.ParseFromString(file.read())
    graph = tf.Graph()
    with graph.as_default():
        given, made = tf.import_graph_def(definition, return_elements=['sr_input:0', 'sr_output:0'])
    session = tf.Session(graph=graph)
    return lambda batch: session.run(made, {given: batch})


@pytest.mark.parametrize('name, scale', EVERY_CASE)
def test_onnx_runtime(exports, name, scale):
    assert_equal_to_checkpoint(exports, name, scale,
                               onnxruntime_runner(exports('onnx', name, scale)))


@pytest.mark.parametrize('name, scale', EVERY_CASE)
def test_openvino(exports, name, scale):
    assert_equal_to_checkpoint(exports, name, scale,
                               openvino_runner(exports('onnx', name, scale)))


@pytest.mark.parametrize('name, scale', EVERY_CASE)
def test_the_frozen_graph(exports, name, scale):
    assert_equal_to_checkpoint(exports, name, scale,
                               frozen_runner(exports('frozen', name, scale)))


def test_the_saved_models_in_a_process_that_knows_nothing_of_this_project(exports, tmp_path):
    """With TensorFlow 2's own loader where there is one, and with that of TensorFlow 1."""
    cases = {'%s_x%d' % case: exports('saved_model', *case) for case in EVERY_CASE}
    np.savez(str(tmp_path / 'batches.npz'), *batches())
    script = textwrap.dedent('''
        import json, sys
        import numpy as np
        import tensorflow as tf

        v1 = tf.compat.v1
        cases, given = json.loads(sys.argv[1]), np.load('batches.npz')
        made = {}
        for name, folder in sorted(cases.items()):
            if tf.version.VERSION.startswith('2'):
                function = tf.saved_model.load(folder).signatures['serving_default']
                for index, batch in enumerate(given.values()):
                    made['%s %d' % (name, index)] = function(
                        image=tf.constant(batch))['enlarged'].numpy()
            else:
                with tf.Session(graph=tf.Graph()) as session:
                    loaded = v1.saved_model.load(session, ['serve'], folder)
                    signature = loaded.signature_def['serving_default']
                    for index, batch in enumerate(given.values()):
                        made['%s %d' % (name, index)] = session.run(
                            signature.outputs['enlarged'].name,
                            {signature.inputs['image'].name: batch})
        np.savez('made.npz', **made)
    ''')
    subprocess.run([sys.executable, '-c', script, json.dumps(cases)], cwd=str(tmp_path),
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=dict(os.environ, CUDA_VISIBLE_DEVICES='-1', PYTHONPATH=''))
    made = np.load(str(tmp_path / 'made.npz'))
    for name, scale in EVERY_CASE:
        for index, batch in enumerate(batches()):
            np.testing.assert_allclose(
                made['%s_x%d %d' % (name, scale, index)],
                expected(exports.upscaler(name, scale), batch, scale), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize('scale', [2, 3, 4])
@pytest.mark.parametrize('shape', [(23, 31, 3), (1, 1, 3), (2, 40, 3)])
def test_the_bicubic_of_the_graph_is_that_of_the_suite(shape, scale):
    image = random_image(*shape[:2])
    image[::2] = 255 * (image[::2] > 127)
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.constant(image[np.newaxis], tf.float32)
        whole, not_whole = session.run([pictures.bicubic(given, scale, whole)
                                        for whole in (True, False)])
    np.testing.assert_array_equal(whole[0], resize.upscale(image, scale))
    np.testing.assert_allclose(not_whole[0], resize.upscale(image.astype(np.float64), scale),
                               atol=TOLERANCE)


@pytest.mark.parametrize('name', NAMES)
def test_bytes_in_and_bytes_out(exports, name):
    run = onnxruntime_runner(exports('onnx', name, 3, 'uint8'))
    for batch in batches(np.uint8):
        made = run(batch)
        assert made.dtype == np.uint8
        unrounded = expected(exports.upscaler(name, 3), batch, 3)
        near_a_half = np.abs(np.abs(unrounded - np.trunc(unrounded)) - 0.5) < TOLERANCE
        np.testing.assert_array_equal(made[~near_a_half], to_uint8(unrounded)[~near_a_half])
        assert near_a_half.mean() < 0.02
        assert np.ptp(made) > 0 or made.size == 27


@pytest.mark.parametrize('name, white', [('bsrn', 255), ('srcnn', 1)])
def test_the_bare_network(exports, name, white):
    upscaler = exports.upscaler(name, 2)
    run = onnxruntime_runner(exports('onnx', name, 2, 'bare'))
    batch = np.random.RandomState(0).uniform(0, white, (2, 9, 14, upscaler.model.channels))
    batch = batch.astype(np.float32)
    np.testing.assert_allclose(run(batch), upscaler.model.image(upscaler.network(batch, 2)),
                               atol=TOLERANCE * white / 255)


def test_averaged_weights_are_what_is_exported(tmp_path):
    model = make_model('wdsr', 2)
    prefix = save_checkpoint(tmp_path / 'run', model, seed=1, averages_seed=2)
    plain = sr_tf.load(save_checkpoint(tmp_path / 'plain', model, seed=1), 'cpu')
    averaged = sr_tf.load(save_checkpoint(tmp_path / 'averaged', model, seed=2), 'cpu')
    path = Exporter(sr_tf.load(prefix, 'cpu'), 2, 'float').write('frozen', str(tmp_path)).path
    batch = batches()[0]
    made = frozen_runner(path)(batch)
    np.testing.assert_allclose(made, expected(averaged, batch, 2), atol=TOLERANCE)
    assert np.abs(made - expected(plain, batch, 2)).max() > 1


def test_weight_normalisation_is_folded(tmp_path):
    model = make_model('wdsr', 2, weight_norm=True)
    prefix = save_checkpoint(tmp_path / 'run', model)
    upscaler = sr_tf.load(prefix, 'cpu')
    path = Exporter(upscaler, 2, 'float').write('frozen', str(tmp_path)).path
    batch = batches()[0]
    np.testing.assert_allclose(frozen_runner(path)(batch), expected(upscaler, batch, 2),
                               atol=TOLERANCE)
    definition = trained.frozen_graph(prefix, model, 2, 'float')
    kinds = {node.op for node in definition.node}
    assert 'Conv2D' in kinds
    assert not kinds & {'Sqrt', 'Sum', 'Square', 'VariableV2', 'VarHandleOp'}
    constants = {node.name for node in definition.node if node.op == 'Const'}
    kernels = [node.input[1] for node in definition.node if node.op == 'Conv2D']
    assert len(kernels) == 3 * model.num_blocks + 3 and set(kernels) <= constants


@pytest.mark.parametrize('opset', trained.OPSETS + (13, 15))
@pytest.mark.parametrize('name', NAMES)
def test_the_onnx_file_is_valid_in_every_version(exports, name, opset, tmp_path):
    onnx = pytest.importorskip('onnx', reason='onnx is for Python 3.10 and newer')
    pytest.importorskip('onnxruntime')
    upscaler = exports.upscaler(name, 2)
    path = Exporter(upscaler, 2, 'uint8', opset).write('onnx', str(tmp_path)).path
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [('', opset)]
    for value, (name, edges) in zip(list(model.graph.input) + list(model.graph.output), [
            ('image', ['batch', 'height', 'width', 3]),
            ('enlarged', ['batch', 'enlarged_height', 'enlarged_width', 3])]):
        shape = value.type.tensor_type.shape.dim
        assert value.name == name
        assert [dim.dim_param or dim.dim_value for dim in shape] == edges
        assert value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said['model'] == upscaler.model.name() and said['scale'] == '2'
    assert json.loads(said['hyper_parameters']) == json.loads(
        json.dumps(upscaler.model.hyper_parameters))


def test_an_onnx_file_is_read_as_it_was_written(exports):
    path = exports('onnx', 'bsrn', 2)
    with open(path, 'rb') as file:
        assert onnx_file.encode(onnx_file.read(path)) == file.read()


def test_a_foreign_operation_is_named(tmp_path, monkeypatch):
    enlarge = layers.enlarge
    monkeypatch.setattr(layers, 'enlarge', lambda x, scale: tf.nn.softplus(enlarge(x, scale)))
    upscaler = sr_tf.load(save_checkpoint(tmp_path / 'run', make_model('rdn', 2)), 'cpu')
    with pytest.raises(UserError, match='operation Softplus has no counterpart'):
        Exporter(upscaler, 2).write('onnx', str(tmp_path / 'exported'))
    assert not (tmp_path / 'exported').exists()


def test_what_differs_is_not_kept(exports, tmp_path, monkeypatch):
    pytest.importorskip('onnxruntime')
    upscaler = exports.upscaler('wdsr', 2)
    path = Exporter(upscaler, 2).write('frozen', str(tmp_path)).path
    with open(path, 'rb') as file:
        before = file.read()
    correct = exporting.trained.frozen_graph

    def of_another_checkpoint(prefix, *arguments):
        return correct(save_checkpoint(tmp_path / 'other', upscaler.model, seed=5), *arguments)

    monkeypatch.setattr(exporting.trained, 'frozen_graph', of_another_checkpoint)
    for form, name in (('frozen', 'wdsr_x2.pb'), ('saved_model', os.path.join('wdsr_x2', '1')),
                       ('onnx', 'wdsr_x2.onnx')):
        with pytest.raises(UserError, match=r'%s: not written: .* differ .* by up to \d' % name):
            Exporter(upscaler, 2).write(form, str(tmp_path))
    with open(path, 'rb') as file:
        assert file.read() == before
    left = [os.path.join(folder, name) for folder, _, names in os.walk(str(tmp_path))
            for name in names if 'other' not in folder]
    assert left == [path]


def test_the_script_exports_all_at_once(exports, run_script, tmp_path):
    pytest.importorskip('onnxruntime')
    prefix = exports.upscaler('bsrn', 2).checkpoint
    flags = ('--restore_path=' + prefix, '--output_path=%s' % tmp_path, '--om_sizes=32x48')
    for _ in range(2):
        result = run_script('export.py', '--format=saved_model,frozen,onnx,om', *flags, check=True)
    lines = result.stdout.splitlines()
    assert [line.split(':')[0] for line in lines] == [str(tmp_path / name) for name in (
        os.path.join('bsrn_x2', '1'), 'bsrn_x2.pb', 'bsrn_x2.onnx', 'bsrn_x2_om')]
    assert all('of 255 from the checkpoint, on images of 17x23, 32x20, 9x41' in line
               for line in lines)
    assert sorted(os.listdir(str(tmp_path))) == ['bsrn_x2', 'bsrn_x2.onnx', 'bsrn_x2.pb',
                                                 'bsrn_x2_om']
    assert os.listdir(str(tmp_path / 'bsrn_x2')) == ['1']


@pytest.mark.parametrize('words, message', [
    (('--format=onnx,tflite',), '--format=tflite: no such format; there are saved_model, frozen'),
    ((), '--format is missing: What to write, of saved_model, frozen, onnx, om, checkpoint;'),
    (('--format=om',), '--om_sizes is missing: The sizes of pictures, height x width, that an om'),
    (('--format=om', '--om_sizes=32,32'), '--om_sizes=32,32: are heights and widths, such as'),
    (('--format=onnx', '--opset=10'), 'flag --opset=10: '),
    (('--format=frozen',), '--scale is missing: {prefix} is for x2, x3'),
    (('--format=frozen', '--scale=4'), '--scale=4: {prefix} is for x2, x3'),
])
def test_flags_that_do_not_fit(run_script, tmp_path_factory, words, message):
    folder = tmp_path_factory.getbasetemp() / 'two_scales'
    if not folder.exists():
        save_checkpoint(folder, make_model('bsrn', 2, 3))
    result = run_script('export.py', *words, '--restore_path=%s' % folder,
                        '--output_path=%s' % (folder / 'exported'))
    line = 'export.py: error: ' + message.format(prefix=folder / 'model.ckpt-1')
    assert result.returncode == 2
    assert result.stderr.startswith(line) and result.stderr.count('\n') == 1
    assert not (folder / 'exported').exists()


def test_no_checkpoint_and_no_room(exports, run_script, tmp_path):
    result = run_script('export.py', '--format=onnx', '--restore_path=%s' % tmp_path,
                        '--output_path=%s' % tmp_path)
    assert (result.returncode, result.stderr) == (
        1, 'export.py: error: %s: there is no checkpoint in this folder\n' % tmp_path)
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='wdsr_x2.pb: cannot be written: '):
        Exporter(exports.upscaler('wdsr', 2), 2).write('frozen', str(tmp_path / 'file'))

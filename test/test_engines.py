"""predict.py and validate.py with ONNX Runtime and OpenVINO in place of TensorFlow."""
import re
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from random_networks import NAMES, make_model, random_image, save_checkpoint

import sr_tf
from sr_tf.chips.session import Chip
from sr_tf.engines import onnx_network, runtimes, selection
from sr_tf.engines.sources import CheckpointSource
from sr_tf.errors import UserError
from sr_tf.exporting.exporter import Exporter

RUNTIMES = sorted(runtimes.RUNTIMES)
TOLERANCE = 1e-3


def require(engine):
    pytest.importorskip(engine, reason='%s is not installed' % engine)


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """The prefix of each model's checkpoint for x2, by the model's name."""
    folder = tmp_path_factory.mktemp('checkpoints')
    return {name: save_checkpoint(folder / name, make_model(name, 2)) for name in NAMES}


@pytest.fixture(scope='module')
def files(checkpoints, tmp_path_factory):
    """Their ONNX files."""
    require('onnxruntime')
    folder = str(tmp_path_factory.mktemp('files'))
    return {name: Exporter(load(prefix), 2).write('onnx', folder).path
            for name, prefix in checkpoints.items()}


def load(path, engine=None, **options):
    return sr_tf.load(path, Chip('cpu', 'fp32'), engine=engine, **options)


@pytest.mark.parametrize('engine', RUNTIMES)
@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('options', [{}, {'tile': 80, 'self_ensemble': True}])
def test_a_file_and_a_checkpoint_give_tensorflows_pictures(checkpoints, files, name, engine,
                                                           options):
    require(engine)
    image = random_image(21, 100)
    expected = load(checkpoints[name], **options)(image)
    for path in (checkpoints[name], files[name]):
        upscaler = load(path, engine, **options)
        assert upscaler.scales == (2,) and upscaler.checkpoint == path
        np.testing.assert_allclose(upscaler(image), expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize('engine', RUNTIMES)
def test_each_output_of_a_checkpoint(checkpoints, files, engine):
    require(engine)
    image = random_image(9, 12)
    expected = load(checkpoints['bsrn']).outputs(image)
    outputs = load(checkpoints['bsrn'], engine).outputs(image)
    assert len(outputs) == len(expected) == 3
    np.testing.assert_allclose(outputs, expected, atol=TOLERANCE)
    with pytest.raises(UserError, match='bsrn_x2.onnx: has the outputs of bsrn only combined'):
        load(files['bsrn'], engine).outputs(image)
    np.testing.assert_allclose(load(files['rdn'], engine).outputs(image),
                               load(checkpoints['rdn']).outputs(image), atol=TOLERANCE)


@pytest.mark.parametrize('engine', RUNTIMES)
def test_several_scales_of_one_checkpoint(tmp_path, engine):
    require(engine)
    prefix = save_checkpoint(tmp_path, make_model('bsrn', 2, 3))
    upscaler, image = load(prefix, engine), random_image(9, 12)
    for scale in (2, 3):
        np.testing.assert_allclose(upscaler(image, scale), load(prefix)(image, scale),
                                   atol=TOLERANCE)


def test_bfloat16(checkpoints):
    require('openvino')
    chip = Chip('cpu', 'mixed')
    if chip.precision != 'mixed':
        pytest.skip('no bfloat16 on this processor')
    image = random_image(20, 30)
    expected = load(checkpoints['wdsr'])(image)
    rounded = sr_tf.load(checkpoints['wdsr'], chip, engine='openvino')(image)
    assert TOLERANCE < np.abs(rounded - expected).max() < selection.MIXED_TOLERANCE


class TestAuto:
    @pytest.fixture
    def engines(self, monkeypatch):
        """`engines(name=(seconds, error), ...)` are all that there are, beside TensorFlow."""
        def install(**behaviours):
            for name in RUNTIMES:
                seconds, error = behaviours.get(name, (None, None))
                monkeypatch.setitem(runtimes.RUNTIMES, name, self.runtime(error))
                monkeypatch.setattr(selection, '_seconds', lambda compute: next(times))
            times = iter([seconds for seconds, error in behaviours.values() if error < TOLERANCE])
            monkeypatch.setattr(selection, 'is_installed', lambda name: name in behaviours)
            monkeypatch.setattr(onnx_network, 'imported', lambda name: None)
        return install

    @staticmethod
    def runtime(error):
        correct = runtimes.open_onnxruntime
        return lambda message, bfloat16: (
            lambda batch: [output + error for output in correct(message)(batch)])

    @pytest.fixture(autouse=True)
    def needs_onnxruntime(self):
        require('onnxruntime')

    def test_takes_the_fastest(self, files, engines, capfd):
        engines(onnxruntime=(3.0, 0), openvino=(1.0, 0))
        load(files['rdn'], 'auto')
        assert capfd.readouterr().err == ('engine: openvino (for 64x64 pixels: onnxruntime 3.000 '
                                          's, openvino 1.000 s)\n')

    def test_takes_none_that_fails(self, files, engines, monkeypatch, capfd):
        def broken(message, bfloat16=False):
            raise RuntimeError('no such\n  instruction')

        engines(onnxruntime=(3.0, 0), openvino=(1.0, 1.0))
        monkeypatch.setitem(runtimes.RUNTIMES, 'openvino', broken)
        load(files['rdn'])
        assert capfd.readouterr().err == ('engine: onnxruntime (for 64x64 pixels: onnxruntime '
                                          '3.000 s, openvino fails (no such instruction))\n')

    def test_takes_none_that_computes_something_else(self, files, engines, capfd):
        engines(onnxruntime=(3.0, 0), openvino=(1.0, 0.01))
        load(files['rdn'])
        assert capfd.readouterr().err == ('engine: onnxruntime (for 64x64 pixels: onnxruntime '
                                          '3.000 s, openvino differs by 2.6 of 255)\n')

    def test_compares_a_checkpoint_with_tensorflow(self, checkpoints, engines, monkeypatch, capfd):
        engines(openvino=(1.0, 0.01))
        monkeypatch.setattr(selection, '_seconds', lambda compute: 2.0)
        load(checkpoints['rdn'], 'auto')
        assert capfd.readouterr().err == (
            'engine: tf (for 64x64 pixels: tf 2.000 s, onnxruntime is not installed, openvino '
            'differs by 2.6 of 255)\n')

    def test_does_not_try_any_where_only_tensorflow_computes(self, checkpoints, capfd):
        chip = Chip('cpu', 'fp32')
        chip.kind = 'gpu'
        source = CheckpointSource(checkpoints['rdn'], make_model('rdn', 2))
        source.open = lambda engine, chip: (engine, chip)
        assert selection.open_network('auto', source, chip, None) == ('tf', chip)
        assert capfd.readouterr().err == 'engine: tf (the others are for CPUs)\n'

    def test_fails_where_nothing_is_left(self, files, engines):
        engines(openvino=(1.0, 0.01))
        with pytest.raises(UserError, match='nothing here computes .*rdn_x2.onnx: onnxruntime is '
                                            'not installed, openvino differs by 2.6 of 255'):
            load(files['rdn'], 'auto')


def test_the_scripts_with_a_file_and_without_tensorflow(checkpoints, files, run_script, tmp_path):
    """predict.py does not load it, so that a machine needs none."""
    require('onnxruntime')
    source = tmp_path / 'photo.png'
    Image.fromarray(random_image(31, 44)).save(str(source))
    result = run_script('-X', 'importtime', 'predict.py', '--model_path=' + files['rcan'],
                        '--engine=onnxruntime', '--chip=cpu', '--tile=none',
                        '--input_path=%s' % source, '--output_path=%s' % (tmp_path / 'big.png'),
                        check=True)
    assert 'onnxruntime' in result.stderr
    assert not re.search(r'\| *tensorflow\b', result.stderr)
    made = np.asarray(Image.open(str(tmp_path / 'big.png'))).astype(int)
    expected = load(checkpoints['rcan'])(np.asarray(Image.open(str(source))))
    assert np.abs(made - np.clip(expected, 0, 255)).max() < 0.5 + TOLERANCE


def test_validate_scores_a_file(checkpoints, files, run_script, photos):
    require('onnxruntime')
    words = ('validate.py', '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
             '--chip=cpu')
    scores = [run_script(*words, *weights, check=True).stdout for weights in (
        ('--restore_path=' + checkpoints['wdsr'],),
        ('--model_path=' + files['wdsr'], '--engine=onnxruntime'))]
    psnrs = [float(re.search(r'x2: PSNR ([\d.]+) dB', score).group(1)) for score in scores]
    assert psnrs[0] == pytest.approx(psnrs[1], abs=1e-3)


class TestBadInput:
    def test_a_missing_package(self, checkpoints, run_script, tmp_path):
        script = textwrap.dedent('''
            import runpy, sys
            sys.modules['onnxruntime'] = sys.modules['openvino'] = None
            sys.path.insert(0, '.')
            del sys.argv[0]
            runpy.run_path(sys.argv[0], run_name='__main__')
        ''')
        package = 'onnxruntime==1.10.0' if sys.version_info < (3, 10) else 'onnxruntime'
        for words in (('export.py', '--format=onnx'),
                      ('predict.py', '--engine=onnxruntime', '--chip=cpu', '--input_path=a.png')):
            result = run_script('-c', script, *words, '--restore_path=' + checkpoints['srcnn'],
                                '--output_path=%s' % (tmp_path / 'out'))
            assert (result.returncode, result.stdout) == (1, '')
            assert re.fullmatch(r'\w+\.py: error: onnxruntime is not installed, or does not load '
                                r'\(.*\): pip install %s\n' % re.escape(package), result.stderr)
        assert not (tmp_path / 'out').exists()

    @pytest.mark.parametrize('words, message', [
        (('--model_path=a.onnx', '--restore_path=b'), '--model_path and --restore_path: give one'),
        (('--model_path=a.pb',), '--model_path=a.pb: is no *.onnx; a checkpoint is given as'),
        (('--engine=tf', '--model_path={rdn}'), '--engine=tf: {rdn} is not for TensorFlow; use '),
        (('--model_path={rdn}', '--scale=3'), '--scale=3: {rdn} is for x2'),
        ((), '--restore_path is missing'),
    ])
    def test_flags_that_do_not_fit(self, files, run_script, photos, tmp_path, words, message):
        require('onnxruntime')
        result = run_script('predict.py', '--chip=cpu', '--input_path=%s' % photos,
                            '--output_path=%s' % (tmp_path / 'out'),
                            *[word.format(**files) for word in words])
        assert result.returncode == 2
        assert result.stderr.splitlines()[-1].startswith(
            'predict.py: error: ' + message.format(**files))

    @pytest.mark.parametrize('spoil, message', [
        (lambda content: content[:-500], 'not an ONNX file, or damaged'),
        (lambda content: b'\x89PNG\r\n\x1a\n' + bytes(100), 'not an ONNX file, or damaged'),
        (lambda content: b'', 'not an ONNX file, or damaged'),
        (lambda content: content.replace(b'\x05sr-tf', b'\x05other', 1), 'another program wrote'),
        (lambda content: content.replace(b'\x05inner', b'\x05other'),
         'does not say which network'),
    ])
    def test_a_spoilt_file(self, files, tmp_path, spoil, message):
        with open(files['rdn'], 'rb') as file:
            content = spoil(file.read())
        (tmp_path / 'bad.onnx').write_bytes(content)
        with pytest.raises(UserError, match='bad.onnx: ' + message):
            load(str(tmp_path / 'bad.onnx'), 'onnxruntime')

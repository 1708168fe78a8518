"""The way to an Ascend 310: export.py, atc, and the program that runs on its machine.

Neither exists here: test/fake_ascend/ stands in for atc and for CANN's Python library.
"""
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from random_networks import make_model, random_image, save_checkpoint

import sr_tf
from sr_tf.errors import UserError
from sr_tf.exporting.exporter import Exporter
from sr_tf.images.files import to_uint8

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FAKE = os.path.join(ROOT, 'test', 'fake_ascend')
WINDOW = (24, 32)
SEVERAL = ((24, 32), (40, 40), (16, 64))


@pytest.fixture(scope='module')
def upscaler(tmp_path_factory):
    folder = tmp_path_factory.mktemp('wdsr')
    return sr_tf.load(save_checkpoint(folder, make_model('wdsr', 2)), 'cpu')


@pytest.fixture
def atc(tmp_path, monkeypatch):
    """Puts the stand-in on PATH."""
    program = tmp_path / 'bin' / 'atc'
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nexec %s %s "$@"\n' % (sys.executable,
                                                         os.path.join(FAKE, 'atc.py')))
    program.chmod(0o755)
    monkeypatch.setenv('PATH', '%s:%s' % (program.parent, os.environ['PATH']))


def export(upscaler, folder, sizes, pixels='uint8'):
    return Exporter(upscaler, 2, pixels, sizes=sizes).write('om', str(folder))


def converted(upscaler, folder, sizes, pixels='uint8'):
    """The .om in the folder that is exported."""
    path = export(upscaler, folder, sizes, pixels).path
    return os.path.join(path, os.path.basename(path)[:-len('_om')] + '.om')


def packed(path):
    with open(path) as file:
        return json.load(file)


class Infer:
    """Runs the program as on the device: elsewhere, and without this project on the path."""

    def __init__(self, folder):
        self.input, self.output = folder / 'in', folder / 'out'
        self.input.mkdir()
        self._program = str(folder / 'infer.py')
        shutil.copy(os.path.join(ROOT, 'test', 'infer_310', 'infer.py'), self._program)

    def __call__(self, model, *options, library=FAKE):
        return subprocess.run(
            [sys.executable, self._program, '--model=%s' % model, '--input=%s' % self.input,
             '--output=%s' % self.output] + list(options), text=True, cwd='/',
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=library, TF_CPP_MIN_LOG_LEVEL='3',
                     CUDA_VISIBLE_DEVICES='-1', ASCEND_DEVICE_ID='0'))

    def pictures(self):
        return {name: np.asarray(Image.open(str(self.output / name)))
                for name in sorted(os.listdir(str(self.output)))}


@pytest.fixture
def infer(tmp_path):
    return Infer(tmp_path)


def test_the_command_for_one_size(upscaler, atc, tmp_path):
    exported = export(upscaler, tmp_path, [WINDOW])
    assert exported.path == str(tmp_path / 'wdsr_x2_om')
    assert sorted(os.listdir(exported.path)) == ['aipp.cfg', 'convert.sh', 'wdsr_x2.om',
                                                 'wdsr_x2.pb']
    om = packed(os.path.join(exported.path, 'wdsr_x2.om'))
    assert (om['sizes'], om['channels'], om['chip']) == ([list(WINDOW)], 3, 'Ascend310')
    assert om['aipp']['input_format'] == 'RGB888_U8'
    assert exported.difference < 1e-3


def test_the_command_for_several_sizes_and_without_bytes(upscaler, atc, tmp_path):
    om = packed(converted(upscaler, tmp_path, SEVERAL, 'float'))
    assert om['sizes'] == [list(size) for size in SEVERAL]
    assert om['aipp'] is None


def test_without_atc_the_command_waits(upscaler, tmp_path, monkeypatch):
    exported = export(upscaler, tmp_path, [WINDOW])
    assert sorted(os.listdir(exported.path)) == ['aipp.cfg', 'convert.sh', 'wdsr_x2.pb']
    assert exported.note.endswith('run %s/convert.sh where it is' % exported.path)


def test_atc_that_fails(upscaler, atc, tmp_path, monkeypatch):
    monkeypatch.setenv('FAKE_ATC_FAILS', '1')
    with pytest.raises(UserError, match='atc failed with exit code 1; .*: E40000: no such chip'):
        export(upscaler, tmp_path, [WINDOW])
    assert os.listdir(str(tmp_path)) == ['bin']


@pytest.mark.parametrize('sizes', [[WINDOW], SEVERAL])
def test_pictures_are_those_of_the_checkpoint(upscaler, atc, infer, tmp_path, sizes):
    """Larger than windows and as large; in several sizes that have to be chosen from."""
    images = {'large.png': random_image(61, 75), 'wide.png': random_image(24, 131),
              'window.png': random_image(*WINDOW)}
    for name, image in images.items():
        Image.fromarray(image).save(str(infer.input / name))
    model = converted(upscaler, tmp_path, sizes)
    result = infer(model, '--overlap=6')
    assert result.returncode == 0, result.stderr
    assert re.search(r'^Inference sec/image : \d+\.\d{4}$', result.stdout, re.M)
    made = infer.pictures()
    assert sorted(made) == sorted(images)
    assert upscaler.model.receptive_radius(2) <= 6
    for name, image in images.items():
        np.testing.assert_array_equal(made[name], to_uint8(upscaler(image)))


def test_pictures_in_folders_stay_in_theirs(upscaler, atc, infer, tmp_path):
    image = random_image(*WINDOW)
    for name in ('a', 'b'):
        (infer.input / name).mkdir()
        Image.fromarray(image).save(str(infer.input / name / '01.png'))
    result = infer(converted(upscaler, tmp_path, [WINDOW]), '--overlap=6')
    assert result.returncode == 0, result.stderr
    for name in ('a', 'b'):
        with Image.open(str(infer.output / name / '01.png')) as made:
            np.testing.assert_array_equal(made, to_uint8(upscaler(image)))


def test_a_picture_smaller_than_a_window(upscaler, atc, infer, tmp_path):
    image = random_image(20, 26)
    Image.fromarray(image).save(str(infer.input / 'small.png'))
    result = infer(converted(upscaler, tmp_path, [WINDOW]), '--overlap=6')
    assert result.returncode == 0, result.stderr
    made, expected = infer.pictures()['small.png'], to_uint8(upscaler(image))
    assert made.shape == expected.shape == (40, 52, 3)
    inside = -2 * upscaler.model.receptive_radius(2)
    np.testing.assert_array_equal(made[:inside, :inside], expected[:inside, :inside])


@pytest.mark.parametrize('options, message', [
    (('--overlap=12',), '--overlap=12: leaves nothing of windows of 24x32'),
    (('--device=3',), 'acl.rt.set_device failed with code 107001'),
])
def test_what_the_program_refuses(upscaler, atc, infer, tmp_path, options, message):
    Image.fromarray(random_image(9, 9)).save(str(infer.input / 'a.png'))
    result = infer(converted(upscaler, tmp_path, [WINDOW]), *options)
    assert (result.returncode, result.stderr) == (1, 'infer.py: error: %s\n' % message)


def test_a_model_that_does_not_load(infer, tmp_path):
    Image.fromarray(random_image(9, 9)).save(str(infer.input / 'a.png'))
    (tmp_path / 'bad.om').write_text('nothing')
    result = infer(tmp_path / 'bad.om')
    assert (result.returncode, result.stderr) == (
        1, 'infer.py: error: %s: acl.mdl.load_from_file failed with code 500002\n'
        % (tmp_path / 'bad.om'))


@pytest.fixture
def launcher(tmp_path):
    """Runs a launcher with a number for the device that no other test uses."""
    number = '8%d' % os.getpid()
    yield lambda name, *options: subprocess.run(
        ['bash', os.path.join(ROOT, 'test', name)] + ['--' + option for option in options],
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, PYTHON=sys.executable, ASCEND_DEVICE_ID=number, PYTHONPATH='',
                 XDG_CACHE_HOME=str(tmp_path / 'cache')))
    shutil.rmtree(os.path.join(ROOT, 'test', 'output', number), ignore_errors=True)


def test_the_launcher_up_to_the_missing_library(launcher, photos, tmp_path):
    (tmp_path / 'wdsr_x2.om').write_text('')
    result = launcher('run_infer_310.sh', 'data_path=%s' % photos,
                      'model_path=%s' % (tmp_path / 'wdsr_x2.om'))
    assert result.returncode == 1
    last = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"infer\.py: error: CANN's Python library acl does not load \(.*\): "
                        r'source its set_env\.sh', last)
    assert 'Traceback' not in result.stdout


def test_the_launcher_that_scores_an_onnx_file(launcher, upscaler, photos, tmp_path):
    pytest.importorskip('onnxruntime')
    path = Exporter(upscaler, 2).write('onnx', str(tmp_path)).path
    result = launcher('run_onnx_eval.sh', 'data_path=%s' % photos, 'model_path=' + path)
    assert result.returncode == 0, result.stdout
    psnr = re.search(r' x2: PSNR ([\d.]+) dB', result.stdout).group(1)
    assert result.stdout.splitlines()[-2] == 'Final PSNR : ' + psnr


def test_launchers_want_a_model(launcher, photos):
    for name in ('run_onnx_eval.sh', 'run_infer_310.sh'):
        result = launcher(name, 'data_path=%s' % photos)
        assert (result.returncode, result.stdout) == (
            2, '%s: --model_path is missing; --help says what it is\n' % name)

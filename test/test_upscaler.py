"""What an upscaler does around its network, against the network by itself."""
import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from random_networks import NAMES, make_model, make_upscaler, random_image, save_checkpoint

import sr_tf
from sr_tf.compat import is_tensorflow_1
from sr_tf.errors import UsageError
from sr_tf.images import resize

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def turns():
    """The eight ways to lay down a picture `[H, W, C]`, by what they are made of."""
    for transposed, upside_down, mirrored in itertools.product((False, True), repeat=3):
        yield (lambda image, t=transposed, u=upside_down, m=mirrored:
               flipped(image.swapaxes(0, 1) if t else image, u, m),
               lambda image, t=transposed, u=upside_down, m=mirrored:
               flipped(image, u, m).swapaxes(0, 1) if t else flipped(image, u, m))


def flipped(image, upside_down, mirrored):
    return image[::-1 if upside_down else 1, ::-1 if mirrored else 1]


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('scale', [2, 3])
def test_the_self_ensemble_is_the_mean_of_eight_networks(name, scale):
    image = random_image(7, 10)
    with_turns = make_upscaler(name, scale, self_ensemble=True)
    model = with_turns.model
    bicubic = resize.upscale(image, scale).astype(np.float64)
    batch = model.from_rgb((bicubic if model.input_is_enlarged else image).astype(np.float32))
    expected = np.mean([
        back(model.image(with_turns.network(turn(batch)[np.newaxis], scale))[0])
        for turn, back in turns()], axis=0)
    result = with_turns(image, scale)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, model.to_rgb(expected, bicubic), atol=1e-2)
    assert np.abs(result - make_upscaler(name, scale)(image, scale)).max() > 0.1


@pytest.mark.parametrize('mistake, message', [
    ({'chip': 'CPU'}, '--chip=CPU: there are auto, cpu, gpu, npu'),
    ({'precision': 'bfloat16'}, '--precision=bfloat16: there are auto, fp32, mixed'),
    ({'engine': 'onnx'}, '--engine=onnx: there are tf, onnxruntime, openvino, auto'),
    ({'hyper_parameters': {'blocks': 2}}, 'blocks is no hyper-parameter of wdsr, which has num_')])
def test_options_that_there_are_not(tmp_path, mistake, message):
    prefix = save_checkpoint(tmp_path, make_model('wdsr', 2))
    with pytest.raises(UsageError, match=message):
        sr_tf.load(prefix, **dict({'chip': 'cpu'}, **mistake))


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path):
    images, model = random_image(7, 10), make_model('wdsr', 2)
    plain, odd = (sr_tf.load(save_checkpoint(tmp_path / name, model), 'cpu')
                  for name in ('plain', 'what?[1]*'))
    np.testing.assert_array_equal(odd(images), plain(images))


def test_threads_share_an_upscaler():
    upscaler = make_upscaler('bsrn', 2, 3, tile=40)
    jobs = [(random_image(50 + number, 45, number), 2 + number % 2) for number in range(12)]
    expected = [upscaler(*job) for job in jobs]
    with ThreadPoolExecutor(4) as threads:
        for result, theirs in zip(threads.map(lambda job: upscaler(*job), jobs), expected):
            np.testing.assert_allclose(result, theirs, atol=1e-3)


def test_it_closes_its_session():
    with make_upscaler('srcnn', 2) as upscaler:
        assert upscaler(random_image(5, 6)).shape == (10, 12, 3)
    with pytest.raises(RuntimeError):
        upscaler(random_image(5, 6))


NOTEBOOK = '''
import sys
import tensorflow as tf
assert tf.executing_eagerly()
sys.path[:0] = [%r, %r]
from random_networks import make_upscaler, random_image
with make_upscaler('rdn', 2) as upscaler:
    weight = tf.Variable(2.0)
    assert upscaler(random_image(9, 8)).shape == (18, 16, 3)
    with tf.GradientTape() as tape:
        loss = weight * weight
    assert tape.gradient(loss, weight).numpy() == 4.0
''' % (ROOT, os.path.dirname(os.path.abspath(__file__)))


@pytest.mark.skipif(is_tensorflow_1(), reason='TensorFlow 1 does not compute eagerly')
def test_code_beside_it_stays_eager():
    result = subprocess.run([sys.executable, '-c', NOTEBOOK], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stderr

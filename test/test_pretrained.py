"""The weights that come along: whole, found by model and scale, and as good as their JSON says."""
import glob
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from random_networks import random_image

import sr_tf
from sr_tf import checkpoint, pretrained
from sr_tf.cards import __main__ as cards
from sr_tf.cards import text
from sr_tf.checkpoint import is_weight
from sr_tf.errors import UsageError, UserError
from sr_tf.images.files import to_uint8
from sr_tf.scoring.methods import names_of

SHIPPED = pretrained.everything()
MODELS = sorted({checkpoint.read_metadata(prefix)['model'] for prefix in SHIPPED})
SIZE_LIMIT = 25 << 20


@pytest.fixture(scope='module')
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp('picture') / 'photo.png'
    Image.fromarray(random_image(20, 30)).save(str(path))
    return path


def test_there_are_those_that_the_readme_promises():
    assert {model: sorted(pretrained.of_model(model)) for model in MODELS} == {
        model: [2, 3, 4] for model in ('bsrn', 'srcnn', 'wdsr')}


@pytest.mark.parametrize('prefix', SHIPPED, ids=os.path.basename)
def test_a_file_holds_weights_alone_and_is_the_one_its_json_tells_of(prefix):
    metadata = checkpoint.read_metadata(prefix)
    assert all(map(is_weight, checkpoint.read_shapes(prefix)))
    assert checkpoint.checksum(prefix) == metadata['sha256']
    assert os.path.basename(prefix) == '%s_x%s' % (
        metadata['model'], ''.join(map(str, metadata['scales'])))


@pytest.mark.parametrize('prefix', SHIPPED, ids=os.path.basename)
def test_its_card_is_what_its_json_and_its_recipes_make(prefix):
    name = os.path.basename(prefix)
    curve = os.path.join(pretrained.FOLDER, 'logs', name + '.svg')
    with open(prefix + '.md') as file:
        assert file.read() == text.card(
            name, checkpoint.read_metadata(prefix), cards.recipes(prefix),
            os.path.basename(curve) if os.path.exists(curve) else None)


def test_all_of_them_are_small():
    files = glob.glob(os.path.join(pretrained.FOLDER, '**', '*'), recursive=True)
    assert sum(map(os.path.getsize, filter(os.path.isfile, files))) < SIZE_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize('model', MODELS)
def test_they_score_what_their_json_says_on_three_photographs(run_script, model, tmp_path):
    run_script('validate.py', '--model=' + model, '--dataloader=demo_loader', '--chip=cpu',
               '--data_truth_path=valid', '--report_path=%s' % tmp_path, check=True)
    with open(str(tmp_path / 'metrics.json')) as file:
        results = json.load(file)['results']
    assert [result['scale'] for result in results] == [2, 3, 4]
    for result in results:
        metadata = checkpoint.read_metadata(pretrained.find(model, [result['scale']]))
        scores = {image['name']: image['psnr'] for image in result['images']}
        assert sorted(scores) == ['chelsea', 'coffee', 'rocket']
        assert scores == pytest.approx(metadata['photographs'][str(result['scale'])], abs=2e-3)
        assert result['psnr'] > result['bicubic']['psnr'] + 0.5


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_scripts_and_the_library_find_them(run_script, picture, tmp_path, scale):
    run_script('predict.py', '--model=wdsr', '--scale=%d' % scale, '--input_path=%s' % picture,
               '--output_path=%s' % (tmp_path / 'big.png'), '--chip=cpu', check=True)
    with sr_tf.load('wdsr', scale=scale, chip='cpu') as upscaler:
        expected = to_uint8(upscaler(np.asarray(Image.open(str(picture)))))
    assert np.array_equal(np.asarray(Image.open(str(tmp_path / 'big.png'))), expected)


def test_a_scale_that_was_asked_for_is_the_usual_one():
    with sr_tf.load('bsrn', scale=3, chip='cpu') as upscaler:
        image = random_image(8, 9)
        assert upscaler.scales == (2, 3, 4)
        assert upscaler(image).shape == (24, 27, 3)
        assert upscaler(image, 2).shape == (16, 18, 3)


def test_they_are_exported(run_script, tmp_path):
    run_script('export.py', '--model=srcnn', '--scale=3', '--format=checkpoint,frozen',
               '--output_path=%s' % tmp_path, check=True)
    assert (tmp_path / 'srcnn_x3.pb').exists()
    shipped = pretrained.find('srcnn', [3])
    assert checkpoint.checksum(str(tmp_path / 'srcnn_x3')) == checkpoint.checksum(shipped)


def test_names_of_models_are_compared(run_script, picture, tmp_path):
    result = run_script(
        'validate.py', '--model=srcnn', '--compare=wdsr', '--scales=2,4', '--chip=cpu',
        '--dataloader=folder_loader', '--data_truth_path=%s' % picture.parent, check=True)
    table = [line.split(' | ')[1:3] for line in result.stdout.splitlines() if line[:3] == '| p']
    assert table == [['2', 'srcnn'], ['2', 'wdsr'], ['4', 'srcnn'], ['4', 'wdsr']]


def test_a_run_called_like_a_model_is_told_from_it(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    assert names_of(['wdsr', './wdsr', 'runs/a']) == [
        'wdsr', os.path.join(tmp_path.name, 'wdsr'), os.path.join('runs', 'a')]
    assert names_of(['runs/wdsr', 'wdsr']) == [os.path.join('runs', 'wdsr'), 'wdsr']
    assert names_of(['runs/a', 'runs/a/best']) == ['a', 'best']
    for paths in (['a', './a'], ['wdsr', 'wdsr']):
        with pytest.raises(UsageError, match='is to be scored twice'):
            names_of(paths)


def test_training_starts_from_them(run_script, photos, tmp_path):
    flags = ('--model=wdsr', '--scales=3', '--init=pretrained', '--dataloader=folder_loader',
             '--data_truth_path=%s' % photos, '--batch_size=1', '--input_patch_size=8',
             '--max_steps=1', '--learning_rate=0', '--chip=cpu')
    result = run_script('train.py', *flags, '--train_path=%s' % (tmp_path / 'run'), check=True)
    assert ' weights taken' in result.stdout and 'random' not in result.stdout
    given = checkpoint.read_all_weights(pretrained.find('wdsr', [3]))
    trained = checkpoint.read_all_weights(checkpoint.resolve(str(tmp_path / 'run')))
    assert set(given) == set(trained)
    assert all(np.array_equal(trained[name], value) for name, value in given.items())


@pytest.mark.parametrize('script, words, message', [
    ('predict.py', ['--model=wdsr'], '--scale is missing: wdsr is for x2, x3, x4'),
    ('predict.py', ['--model=wdsr', '--scale=8'],
     '--scale=8: the trained weights of wdsr that come along are for x2, x3, x4, each'),
    ('train.py', ['--model=wdsr', '--init=pretrained', '--scales=2,3'],
     '--scales=2,3: the trained weights of wdsr that come along are for x2, x3, x4, each'),
    ('train.py', ['--model=bsrn', '--init=pretrained', '--scales=8'],
     '--scales=8: the trained weights of bsrn that come along are for x2, x3, x4\n'),
    ('predict.py', ['--model=bsrn'], '--scale is missing: '),
    ('predict.py', ['--model=bsrn', '--scale=0'], '--scale=0: '),
    ('predict.py', ['--restore_path=wdsr', '--scale=2'], './wdsr: no such checkpoint'),
    ('predict.py', ['--model=rcan', '--scale=2'],
     'rcan: no trained weights of it come along, those that do are of bsrn, srcnn, wdsr; '),
    ('predict.py', ['--model=wdsr', '--restore_path=x'], './x: no such checkpoint'),
    ('predict.py', ['--model=bsrn', '--restore_path=%s' % pretrained.find('wdsr', [2])],
     '--model=bsrn: %s is of wdsr; ' % pretrained.find('wdsr', [2])),
    ('predict.py', ['--model=wdsr', '--model_path=x.onnx'],
     '--model and --model_path: give one of them'),
    ('predict.py', [], '--restore_path is missing: the checkpoint, or the folder of a run; or '),
    ('validate.py', ['--model=wdsr', '--scales=2,5', '--data_truth_path=x'],
     '--scales=2,5: wdsr is for x2, x3, x4\n'),
    ('train.py', ['--model=rdn', '--init=pretrained', '--train_path=x'], 'rdn: no trained weights'),
    ('train.py', ['--model=wdsr', '--init=pretrained', '--restore_path=x'],
     '--init and --restore_path: give one of them'),
    ('train.py', ['--model=wdsr', '--init=pretrained', '--restore_target=all'],
     '--restore_target=all: the weights that come along have no optimizer'),
])
def test_what_is_not_there_is_said(run_script, tmp_path, script, words, message):
    places = ['--input_path=x.png', '--output_path=y.png'] if script == 'predict.py' else []
    result = run_script(script, '--chip=cpu', *words + places)
    assert result.returncode == (1 if 'no such checkpoint' in message else 2)
    assert result.stderr.startswith('%s: error: %s' % (script, message))
    assert result.stderr.count('\n') == 1


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    for path in glob.glob(pretrained.find('srcnn', [2]) + '.*'):
        shutil.copy(path, str(tmp_path))
    monkeypatch.setattr(pretrained, 'FOLDER', str(tmp_path))
    sr_tf.load('srcnn', scale=2, chip='cpu').close()
    with open(str(tmp_path / 'srcnn_x2.data-00000-of-00001'), 'r+b') as file:
        file.seek(1000)
        file.write(b'?')
    with pytest.raises(UserError, match='srcnn_x2: damaged: .*, by `git checkout weights` if'):
        sr_tf.load('srcnn', scale=2)


def test_without_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, 'FOLDER', str(tmp_path / 'none'))
    with pytest.raises(UsageError, match='wdsr: no trained weights .* are of no model'):
        sr_tf.load('wdsr', scale=2)

"""The commands as users type them, one after the other, and what they leave behind."""
import csv
import io
import json
import math
import os
import pty
import shutil
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from PIL import Image

import dataloaders
import models
import sr_tf
from sr_tf import flags as definitions
from sr_tf.compat import bfloat16_rewrite, tensorflow_version, tf
from sr_tf.data.pack import open_pack
from sr_tf.errors import UsageError
from sr_tf.images import resize
from sr_tf.images.files import read_rgb
from sr_tf.network import Network
from sr_tf.upscaler import Upscaler

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMES = ['astronaut', 'chelsea', 'coffee', 'rocket']
SCALES = (2, 3)
TINY = ('--model=bsrn', '--bsrn_conv_features=4', '--bsrn_state_features=5', '--bsrn_recursions=2',
        '--dataloader=folder_loader', '--batch_size=2', '--chip=cpu')
OTHER_WAYS = TINY + (
    '--scales=2', '--bsrn_model_scales=2,3', '--target_patch_size=24', '--num_epochs=2',
    '--bsrn_learning_rate=0.001', '--bsrn_learning_rate_decay=0.25',
    '--bsrn_learning_rate_decay_steps=2', '--bsrn_adam_epsilon=1e-6', '--bsrn_clip_norm=0.5',
    '--log_freq=1', '--summary_freq=1')

# The names that users of tf-bsrn-sr know.
BSRN_FLAGS = (
    'batch_size', 'input_patch_size', 'target_patch_size', 'dataloader', 'model', 'scales',
    'cuda_device', 'chip', 'train_path', 'max_steps', 'log_freq', 'summary_freq', 'save_freq',
    'save_max_keep', 'sleep_ratio', 'restore_path', 'restore_target', 'global_step', 'platform',
    'data_input_path', 'data_truth_path', 'data_cached', 'bsrn_model_scales', 'bsrn_conv_features',
    'bsrn_state_features', 'bsrn_recursions', 'bsrn_recursion_frequency', 'bsrn_rgb_mean',
    'bsrn_learning_rate', 'bsrn_learning_rate_decay', 'bsrn_learning_rate_decay_steps',
    'bsrn_adam_epsilon', 'bsrn_clip_norm'
)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('commands')


@pytest.fixture(scope='module')
def training(run_script, photos, root):
    """The process that trained `root/run`: four steps on two scales, then validated."""
    return run_script(
        'train.py', *TINY + (
            '--data_truth_path=%s' % photos, '--train_path=%s' % (root / 'run'), '--scales=2,3',
            '--input_patch_size=8', '--max_steps=4', '--log_freq=2', '--summary_freq=4',
            '--save_freq=2', '--validate_freq=4', '--valid_truth_path=%s' % photos, '--seed=5',
            '--pack_path=%s' % (root / 'packs')),
        check=True)


@pytest.fixture(scope='module')
def run(training, root):
    return root / 'run'


@pytest.fixture(scope='module')
def rows(run):
    return read_table(run / 'train.csv')


@pytest.fixture(scope='module')
def metadata(run):
    return json.loads((run / 'model.ckpt-4.json').read_text())


@pytest.fixture(scope='module')
def on_terminal(photos, root):
    """What a terminal showed while `root/terminal` was trained."""
    code, shown = run_on_terminal(root, 'train.py', *OTHER_WAYS + (
        '--data_truth_path=%s' % photos, '--train_path=%s' % (root / 'terminal')))
    assert code == 0, shown
    return shown


@pytest.fixture(scope='module')
def in_mixed_precision(run_script, photos, root):
    """The process that trained `root/mixed` in the same way."""
    return run_script('train.py', *OTHER_WAYS + (
        '--precision=mixed', '--data_truth_path=%s' % photos,
        '--train_path=%s' % (root / 'mixed')), check=True)


@pytest.fixture(scope='module')
def validation(run_script, run, photos, root):
    return run_script(
        'validate.py', '--restore_path=%s' % run, '--dataloader=folder_loader',
        '--data_truth_path=%s' % photos, '--report_path=%s' % (root / 'report'),
        '--save_path=%s' % (root / 'pictures'), '--intermediate', '--chip=cpu', check=True)


@pytest.fixture(scope='module')
def metrics(validation, root):
    return json.loads((root / 'report' / 'metrics.json').read_text())


@pytest.fixture(scope='module')
def upscaler(run):
    loaded = sr_tf.load(run, chip='cpu')
    yield loaded
    loaded.close()


@pytest.fixture(scope='module')
def photo(photos):
    """Not square, so that height and width cannot be mixed up."""
    return read_rgb(str(photos / 'chelsea.png'))[:20, :17]


def read_table(path):
    with open(str(path), newline='') as file:
        return list(csv.DictReader(file))


def truth_and_low_resolution(photos, name, scale):
    hr = resize.crop_to_multiple(read_rgb(str(photos / (name + '.png'))), scale)
    return hr, resize.downscale(hr, scale)


def run_on_terminal(root, *command):
    """(exit code, all that a terminal was shown)."""
    terminal, process_side = pty.openpty()
    environment = dict(os.environ, COLUMNS='100', XDG_CACHE_HOME=str(root / 'cache'))
    process = subprocess.Popen((sys.executable,) + command, cwd=ROOT, env=environment,
                               stdin=process_side, stdout=process_side, stderr=process_side)
    os.close(process_side)
    shown = b''
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when nobody holds the other side any more.
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    return process.wait(), shown.decode()


def heights(run):
    """Of the pictures in TensorBoard's events, by their tags."""
    path, = run.glob('events.out.tfevents.*')
    return {value.tag: value.image.height for event in tf.train.summary_iterator(str(path))
            for value in event.summary.value if value.HasField('image')}


class TestTraining:
    def test_the_folder_of_a_run(self, run):
        files = {path.name for path in run.iterdir()}
        events = {name for name in files if name.startswith('events.out.tfevents.')}
        assert events
        checkpoints = {'model.ckpt-%d.%s' % (step, suffix) for step in (2, 4)
                       for suffix in ('index', 'data-00000-of-00001', 'json')}
        assert files - events - checkpoints == {
            'arguments.json', 'best', 'checkpoint', 'train.csv', 'train.lock', 'train.log'}
        assert checkpoints <= files
        assert tf.train.latest_checkpoint(str(run)) == str(run / 'model.ckpt-4')

    def test_the_json_beside_a_checkpoint(self, metadata):
        assert metadata['model'] == 'bsrn'
        assert metadata['hyper_parameters'] == {
            'conv_features': 4, 'state_features': 5, 'recursions': 2, 'recursion_frequency': 1,
            'rgb_mean': [127.5, 127.5, 127.5]}
        assert metadata['scales'] == [2, 3]
        assert metadata['step'] == 4
        assert metadata['seed'] == 5
        recipe = metadata['recipe']
        assert {name: recipe[name] for name in (
            'scales', 'batch_size', 'input_patch_size', 'max_steps', 'loss', 'learning_rate',
            'adam_epsilon', 'clip_norm', 'ema_decay', 'accumulate_steps', 'precision')} == {
                'scales': [2, 3], 'batch_size': 2, 'input_patch_size': 8, 'max_steps': 4,
                'loss': 'l1', 'learning_rate': 1e-4, 'adam_epsilon': 1e-8, 'clip_norm': 5,
                'ema_decay': None, 'accumulate_steps': 1, 'precision': 'fp32'}
        assert metadata['versions'] == {
            'sr_tf': sr_tf.__version__, 'tensorflow': tensorflow_version(),
            'numpy': np.__version__, 'python': sys.version.split()[0]}

    def test_the_score_is_that_of_validate_to_all_digits(self, metadata, rows, metrics):
        expected = np.mean([result['psnr'] for result in metrics['results']])
        assert metadata['score'] == expected
        assert float(rows[-1]['psnr']) == expected

    def test_only_validated_checkpoints_have_a_score(self, run):
        assert json.loads((run / 'model.ckpt-2.json').read_text())['score'] is None

    def test_the_best_checkpoint_is_kept(self, run, metadata):
        best = run / 'best'
        assert json.loads((best / 'model.ckpt-4.json').read_text()) == metadata
        for suffix in ('.index', '.data-00000-of-00001'):
            name = 'model.ckpt-4' + suffix
            assert (best / name).read_bytes() == (run / name).read_bytes()

    def test_the_arguments(self, run, photos):
        arguments = json.loads((run / 'arguments.json').read_text())
        assert arguments['model'] == 'bsrn'
        assert arguments['scales'] == ['2', '3']
        assert arguments['data_truth_path'] == str(photos)
        assert arguments['max_steps'] == 4
        assert arguments['learning_rate'] is None

    def test_the_table(self, rows):
        assert [(row['step'], bool(row['loss']), bool(row['psnr'])) for row in rows] == [
            ('2', True, False), ('4', True, False), ('4', False, True)]
        for row in rows[:2]:
            assert row['scale'] in ('2', '3')
            assert float(row['learning_rate']) == 1e-4
            for column in ('loss', 'gradient_norm', 'sec_per_batch', 'images_per_sec'):
                assert 0 < float(row[column]) < math.inf
            assert 0 < float(row['data_wait']) <= float(row['sec_per_batch'])

    def test_the_log(self, run, rows, metadata):
        log = (run / 'train.log').read_text().splitlines()
        assert len(log) == 3
        for line, row in zip(log, rows[:2]):
            assert line.startswith('step %s/4 x%s lr 0.0001 loss ' % (row['step'], row['scale']))
            assert ' sec/batch ' in line
            assert ' fps ' in line
            waited = float(line.split(' data_wait ')[1])
            assert waited == pytest.approx(float(row['data_wait']), rel=0.1)
            loss = line.split(' loss ')[1].split()[0]
            assert float(loss) == pytest.approx(float(row['loss']), rel=1e-4)
        assert log[2] == 'step 4/4 validation PSNR %.4f dB' % metadata['score']

    def test_without_a_terminal_there_are_plain_lines(self, training, run):
        assert training.stderr == ''
        assert '\r' not in training.stdout
        assert '\x1b' not in training.stdout
        first, *lines, last = training.stdout.splitlines()
        assert first.startswith('bsrn on ')
        assert first.endswith('cpu in fp32, 4 images, 4 steps, in %s' % run)
        assert lines == (run / 'train.log').read_text().splitlines()
        assert last == 'done: %s' % (run / 'model.ckpt-4')

    def test_tensorboard(self, run, rows, metadata):
        values = {}
        for path in run.glob('events.out.tfevents.*'):
            for event in tf.train.summary_iterator(str(path)):
                for value in event.summary.value:
                    values.setdefault(value.tag, []).append((event.step, value))

        for column in ('loss', 'gradient_norm', 'learning_rate', 'sec_per_batch',
                       'data_wait', 'images_per_sec'):
            assert [(step, value.simple_value) for step, value in values[column]] == [
                (int(row['step']), pytest.approx(float(row[column]), rel=1e-4))
                for row in rows[:2]]
        (step, psnr), = values['psnr']
        assert (step, psnr.simple_value) == (4, pytest.approx(metadata['score'], rel=1e-5))

        scale = int(rows[1]['scale'])
        for name, size in (('input', 8), ('output', 8 * scale), ('truth', 8 * scale)):
            (step, value), = values[name]
            assert step == 4
            assert (value.image.height, value.image.width) == (size, size)
            picture = Image.open(io.BytesIO(value.image.encoded_image_string))
            assert (picture.size, picture.mode) == ((size, size), 'RGB')


class TestOtherWaysToTrain:
    """By the names of tf-bsrn-sr, in epochs, on a terminal, in mixed precision."""

    def test_a_progress_bar_on_a_terminal(self, on_terminal):
        drawn = [piece for piece in on_terminal.split('\r\x1b[K') if piece.startswith('[')]
        assert drawn
        assert drawn[-1].startswith('[====')
        assert '] 4/4 100% ETA 0:00 loss ' in drawn[-1]

    def test_lines_stay_above_the_bar(self, on_terminal, root):
        for line in (root / 'terminal' / 'train.log').read_text().splitlines():
            assert '\r\x1b[K%s\r\n' % line in on_terminal

    def test_the_old_names_mean_the_same(self, on_terminal, root):
        metadata = json.loads((root / 'terminal' / 'model.ckpt-4.json').read_text())
        recipe = metadata['recipe']
        assert {name: recipe[name] for name in (
            'learning_rate', 'lr_schedule', 'lr_decay_rate', 'lr_decay_steps', 'adam_epsilon',
            'clip_norm')} == {
                'learning_rate': 0.001, 'lr_schedule': 'step', 'lr_decay_rate': 0.25,
                'lr_decay_steps': 2, 'adam_epsilon': 1e-6, 'clip_norm': 0.5}
        assert metadata['scales'] == [2, 3]
        assert [float(row['learning_rate']) for row in read_table(
            root / 'terminal' / 'train.csv')] == [0.001, 0.001, 0.00025, 0.00025]

    def test_two_epochs_of_four_photos_are_four_batches_of_two(self, on_terminal, root):
        metadata = json.loads((root / 'terminal' / 'model.ckpt-4.json').read_text())
        assert (metadata['step'], metadata['recipe']['max_steps']) == (4, 4)

    def test_the_size_of_target_patches(self, on_terminal, root):
        assert heights(root / 'terminal') == {'input': 12, 'output': 24, 'truth': 24}

    def test_inputs_that_are_enlarged_are_of_the_target_size(self, run_script, photos, tmp_path):
        run_script('train.py', '--model=srcnn', '--dataloader=folder_loader', '--scales=3',
                   '--data_truth_path=%s' % photos, '--train_path=%s' % tmp_path, '--max_steps=1',
                   '--batch_size=1', '--target_patch_size=20', '--summary_freq=1', check=True)
        assert heights(tmp_path) == {'input': 20, 'output': 20, 'truth': 20}
        recipe = json.loads((tmp_path / 'model.ckpt-1.json').read_text())['recipe']
        assert (recipe['input_patch_size'], recipe['target_patch_size']) == (None, 20)

    def test_mixed_precision_where_there_is_bfloat16(self, in_mixed_precision, on_terminal, root):
        metadata = json.loads((root / 'mixed' / 'model.ckpt-4.json').read_text())
        mixed, fp32 = ([float(row['loss']) for row in read_table(root / folder / 'train.csv')]
                       for folder in ('mixed', 'terminal'))
        if bfloat16_rewrite() and computes_in_bfloat16():
            assert in_mixed_precision.stderr == ''
            assert metadata['recipe']['precision'] == 'mixed'
            assert mixed != fp32
            assert mixed == pytest.approx(fp32, rel=0.02)
        else:
            warning, = in_mixed_precision.stderr.splitlines()
            assert warning.startswith('warning: --precision=mixed: ')
            assert warning.endswith('fp32')
            assert metadata['recipe']['precision'] == 'fp32'
            assert mixed == fp32


def computes_in_bfloat16():
    with open('/proc/cpuinfo') as file:
        return bool({'amx_bf16', 'avx512_bf16'} & set(file.read().split()))


def lengths(words, images=97, processes=1):
    """(max_steps, lr_decay_steps) of an RDN, which is published with epochs for both."""
    definitions.define_training()
    flags.FLAGS(['train.py', '--batch_size=16'] + words)
    chosen = definitions.in_steps(definitions.recipe(models.find('rdn')), images, processes)
    return chosen['max_steps'], chosen['lr_decay_steps']


class TestFlags:
    def test_the_names_of_bsrn(self, run_script):
        known = run_script('-c', 'from sr_tf import flags; flags.define_training(); '
                                 'print(*flags.FLAGS)', check=True).stdout.split()
        assert [name for name in BSRN_FLAGS if name not in known] == []

    def test_the_published_recipe_of_bsrn(self, run_script):
        printed = run_script('-c', '\n'.join((
            'import json, models',
            'from sr_tf import flags',
            'flags.define_training()',
            "flags.FLAGS(['train.py'])",
            "bsrn = models.find('bsrn')",
            'print(json.dumps([flags.recipe(bsrn), flags.hyper_parameters(bsrn)]))')),
            check=True).stdout
        recipe, hyper_parameters = json.loads(printed)
        assert hyper_parameters == {
            'conv_features': 64, 'state_features': 64, 'recursions': 16, 'recursion_frequency': 1,
            'rgb_mean': [127.5, 127.5, 127.5]}
        published = {
            'scales': [2, 3, 4], 'batch_size': 8, 'input_patch_size': 48, 'max_steps': 1000000,
            'loss': 'l1', 'learning_rate': 1e-4, 'lr_schedule': 'step', 'lr_decay_rate': 0.5,
            'lr_decay_steps': 200000, 'warmup_steps': 0, 'adam_epsilon': 1e-8, 'clip_norm': 5,
            'ema_decay': None, 'accumulate_steps': 1}
        assert {name: recipe[name] for name in published} == published

    @pytest.mark.parametrize('images, batch, accumulated, processes, expected', [
        (96, 16, 1, 1, (18, 12)), (97, 16, 1, 1, (21, 14)), (97, 16, 2, 1, (12, 8)),
        (97, 16, 1, 3, (9, 6)), (97, 16, 2, 3, (6, 4)), (97, 16, 2, 4, (3, 2)),
        (97, 1, 1, 1, (291, 194))])
    def test_epochs_in_steps(self, no_flags, images, batch, accumulated, processes, expected):
        words = ['--num_epochs=3', '--lr_decay_epochs=2', '--batch_size=%d' % batch,
                 '--accumulate_steps=%d' % accumulated]
        assert lengths(words, images, processes) == expected

    @pytest.mark.parametrize('before, after, expected', [
        ('', '', (800 * 7, 600 * 7)),
        ('', '--max_steps=9', (9, 600 * 7)),
        ('', '--lr_decay_steps=9', (800 * 7, 9)),
        ('--max_steps=9', '--max_steps=0', (800 * 7, 600 * 7)),
        ('--max_steps=9', '--max_steps=0 --num_epochs=2', (14, 600 * 7)),
        ('--lr_decay_steps=9', '--lr_decay_steps=0 --lr_decay_epochs=2', (800 * 7, 14)),
        ('--num_epochs=2', '--num_epochs=0', (800 * 7, 600 * 7)),
        ('--num_epochs=2', '--num_epochs=0 --max_steps=9', (9, 600 * 7)),
        ('--lr_decay_epochs=2', '--lr_decay_epochs=0 --lr_decay_steps=9', (800 * 7, 9))])
    def test_lengths_beat_the_recipe_and_0_takes_them_back(
            self, no_flags, tmp_path, before, after, expected):
        (tmp_path / 'before.flags').write_text(before)
        words = ['--flagfile=%s' % (tmp_path / 'before.flags')] + after.split()
        assert lengths(words) == expected

    @pytest.mark.parametrize('steps, epochs', [
        ('max_steps', 'num_epochs'), ('lr_decay_steps', 'lr_decay_epochs')])
    def test_a_length_in_steps_and_in_epochs_is_refused(self, no_flags, steps, epochs):
        message = '--%s and --%s: give one of them; --%s=0 ' % (epochs, steps, steps)
        with pytest.raises(UsageError, match=message):
            lengths(['--%s=9' % steps, '--%s=2' % epochs])


class TestValidation:
    def test_what_metrics_say(self, metrics, photos, run):
        assert sorted(metrics) == ['checkpoint', 'model', 'protocol', 'results']
        assert metrics['model'] == 'bsrn'
        assert metrics['checkpoint'] == str(run / 'model.ckpt-4')
        assert metrics['protocol']['name'] == 'paper'
        for result, scale in zip(metrics['results'], SCALES):
            assert result['scale'] == scale
            assert result['dataset'] == photos.name
            assert result['seconds'] > 0
            assert [image['name'] for image in result['images']] == NAMES

    def test_scores_are_those_of_the_saved_pictures(self, metrics, photos, root):
        for result in metrics['results']:
            for image in result['images']:
                scale, name = result['scale'], image['name']
                hr, lr = truth_and_low_resolution(photos, name, scale)
                saved = read_rgb(str(root / ('pictures/ensemble/x%d/%s.png' % (scale, name))))
                assert (image['psnr'], image['ssim']) == sr_tf.score(saved, hr, scale)
                assert (image['bicubic']['psnr'], image['bicubic']['ssim']) == sr_tf.score(
                    resize.upscale(lr, scale), hr, scale)

    def test_a_result_is_the_mean_of_its_images(self, metrics):
        for result in metrics['results']:
            for key in ('psnr', 'ssim'):
                assert result[key] == pytest.approx(
                    np.mean([image[key] for image in result['images']]), rel=1e-12)
                assert result['bicubic'][key] == pytest.approx(
                    np.mean([image['bicubic'][key] for image in result['images']]), rel=1e-12)

    def test_each_recursion_is_scored_and_saved(self, metrics, photos, root):
        for result in metrics['results']:
            scale = result['scale']
            assert [entry['recursion'] for entry in result['recursions']] == [1, 2]
            for entry in result['recursions']:
                folder = root / 'pictures' / ('t%d' % entry['recursion']) / ('x%d' % scale)
                scores = [sr_tf.score(read_rgb(str(folder / (name + '.png'))),
                                      truth_and_low_resolution(photos, name, scale)[0], scale)
                          for name in NAMES]
                assert (entry['psnr'], entry['ssim']) == pytest.approx(
                    tuple(np.mean(scores, axis=0)), rel=1e-12)

    def test_nothing_else_is_saved(self, validation, root):
        saved = {str(path.relative_to(str(root / 'pictures')))
                 for path in (root / 'pictures').rglob('*') if path.is_file()}
        assert saved == {'%s/x%d/%s.png' % (output, scale, name)
                         for output in ('ensemble', 't1', 't2') for scale in SCALES
                         for name in NAMES}
        assert {path.name for path in (root / 'report').iterdir()} == {
            'metrics.json', 'metrics.csv', 'report.html'}

    def test_the_table_holds_the_same_figures(self, metrics, root):
        rows = read_table(root / 'report' / 'metrics.csv')
        expected = [(result, image) for result in metrics['results']
                    for image in result['images'] + [dict(result, name='mean')]]
        assert len(rows) == len(expected) == len(SCALES) * (len(NAMES) + 1)
        assert list(rows[0])[:7] == [
            'dataset', 'scale', 'name', 'psnr', 'ssim', 'bicubic_psnr', 'bicubic_ssim']
        for row, (result, image) in zip(rows, expected):
            assert row == {
                'dataset': result['dataset'], 'scale': str(result['scale']), 'name': image['name'],
                'psnr': str(image['psnr']), 'ssim': str(image['ssim']),
                'bicubic_psnr': str(image['bicubic']['psnr']),
                'bicubic_ssim': str(image['bicubic']['ssim']),
                'ms_ssim': str(image['ms_ssim']),
                'bicubic_ms_ssim': str(image['bicubic']['ms_ssim']),
                'seconds': str(image['seconds']), 'megapixels': str(image['megapixels']),
                'method': 'bsrn'}

    def test_the_report_shows_the_scores_and_pictures(self, metrics, root):
        page = (root / 'report' / 'report.html').read_text(encoding='utf-8')
        assert page.startswith('<!DOCTYPE html>')
        assert page.count('<svg') >= 3  # the curve of the loss, and each scale's recursions
        for result in metrics['results']:
            for image in result['images']:
                assert '%.2f' % image['psnr'] in page
        for name in NAMES:
            assert name in page
        assert page.count('alt="HR"') == len(SCALES) * len(NAMES)

    def test_what_it_prints(self, validation, metrics, photos):
        assert validation.stderr == ''
        for result in metrics['results']:
            assert ('%s x%d: PSNR %.4f dB, SSIM %.4f (bicubic %.4f dB, %.4f) on 4 images in '
                    % (photos.name, result['scale'], result['psnr'], result['ssim'],
                       result['bicubic']['psnr'], result['bicubic']['ssim'])) in validation.stdout

    def test_a_checkpoint_of_tf_bsrn_sr(self, run_script, run, photos, tmp_path):
        """Without a JSON: scales and sizes come from shapes, the rest from flags."""
        prefix = tmp_path / 'bsrn_c4_s5_x23.ckpt'
        for suffix in ('.index', '.data-00000-of-00001'):
            (tmp_path / (prefix.name + suffix)).write_bytes(
                (run / ('model.ckpt-4' + suffix)).read_bytes())
        run_script('validate.py', '--restore_path=%s' % prefix, '--scales=2', '--chip=cpu',
                   '--bsrn_recursions=4', '--bsrn_recursion_frequency=2', '--intermediate',
                   '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
                   '--save_path=%s' % (tmp_path / 'pictures'),
                   '--report_path=%s' % (tmp_path / 'report'), check=True)
        metrics = json.loads((tmp_path / 'report' / 'metrics.json').read_text())
        result, = metrics['results']
        assert [entry['recursion'] for entry in result['recursions']] == [2, 4]
        assert sorted(path.name for path in (tmp_path / 'pictures').iterdir()) == [
            'ensemble', 't2', 't4']


class TestLoad:
    @pytest.mark.parametrize('scale', SCALES)
    def test_uint8(self, upscaler, photo, scale):
        before = photo.copy()
        enlarged = upscaler(photo, scale)
        assert enlarged.dtype == np.float32
        assert enlarged.shape == (20 * scale, 17 * scale, 3)
        assert np.any(enlarged != np.rint(enlarged))
        assert 50 < enlarged.mean() < 200
        np.testing.assert_array_equal(photo, before)

    def test_float32_is_in_the_same_range(self, upscaler, photo):
        np.testing.assert_array_equal(upscaler(photo.astype(np.float32), 2), upscaler(photo, 2))

    def test_fractions_of_float32_count(self, upscaler, photo):
        between = upscaler(photo.astype(np.float32) + np.float32(0.5), 2)
        assert np.abs(between - upscaler(photo, 2)).max() > 1e-3

    def test_uint16_is_257_times_as_much(self, upscaler, photo):
        enlarged = upscaler(photo.astype(np.uint16) * np.uint16(257), 2)
        assert enlarged.dtype == np.float32
        np.testing.assert_allclose(enlarged, 257 * upscaler(photo, 2), rtol=1e-5, atol=0.05)

    def test_the_network_gives_raw_outputs_for_a_batch(self, upscaler, photo):
        batch = np.stack([photo, 255 - photo]).astype(np.float32)
        outputs = upscaler.network(batch, 3)
        assert isinstance(outputs, list)
        assert [(output.shape, output.dtype) for output in outputs] == [
            ((2, 60, 51, 3), np.float32)] * 2
        assert np.abs(outputs[0] - outputs[1]).max() > 0
        np.testing.assert_allclose((outputs[0][0] + 2 * outputs[1][0]) / 3, upscaler(photo, 3),
                                   atol=1e-3)

    def test_images_of_one_size_make_a_batch(self, upscaler, photo):
        images = [photo, 255 - photo, photo[::-1]]
        enlarged = upscaler.enlarge_all(images, 3)
        assert len(enlarged) == 3
        for image, result in zip(images, enlarged):
            assert result.dtype == np.float32
            np.testing.assert_allclose(result, upscaler(image, 3), atol=1e-3)

    def test_any_network_can_do_the_computing(self, upscaler, photo):
        class Doubling(Network):
            def images(self, batch, scale):
                return batch.repeat(scale, axis=1).repeat(scale, axis=2)

            def outputs(self, batch, scale):
                images = self.images(batch, scale)
                return [-images, images]

        ours = Upscaler(upscaler.model, Doubling())
        expected = photo.repeat(2, axis=0).repeat(2, axis=1)
        np.testing.assert_array_equal(ours(photo, 2), expected)
        np.testing.assert_array_equal(ours.outputs(photo, 2)[1], expected)

    def test_a_wrong_scale_is_refused_with_those_that_there_are(self, upscaler, photo):
        for scale, start in ((4, '--scale=4'), (None, '--scale is missing')):
            with pytest.raises(UsageError, match=r'%s: .*model\.ckpt-4.* x2, x3' % start):
                upscaler(photo, scale)
        with pytest.raises(UsageError, match='--scale=4'):
            upscaler.network(photo[np.newaxis].astype(np.float32), 4)

    @pytest.mark.parametrize('shape', [(20, 17), (20, 17, 4), (1, 20, 17, 3)])
    def test_what_is_no_rgb_image_is_refused(self, upscaler, shape):
        with pytest.raises(ValueError, match=r'\[H, W, 3\]'):
            upscaler(np.zeros(shape, np.uint8), 2)

    @pytest.mark.parametrize('name, step', [
        ('', 4), ('model.ckpt-2', 2), ('model.ckpt-2.index', 2), ('best', 4)])
    def test_what_a_path_may_name(self, run, name, step):
        loaded = sr_tf.load(str(run / name), chip='cpu')
        assert os.path.basename(loaded.checkpoint) == 'model.ckpt-%d' % step
        assert loaded.scales == (2, 3)
        loaded.close()


class TestPrediction:
    def test_a_folder(self, run_script, run, upscaler, photos, photo, tmp_path):
        source, target = tmp_path / 'in', tmp_path / 'out'
        (source / 'deep').mkdir(parents=True)
        Image.fromarray(photo).save(str(source / 'a.bmp'))
        Image.fromarray(photo[::-1, :, 0]).save(str(source / 'deep' / 'grey.png'))

        result = run_script('predict.py', '--restore_path=%s' % run, '--input_path=%s' % source,
                            '--output_path=%s' % target, '--scale=3', '--chip=cpu', check=True)

        assert result.stderr == ''
        assert '2 of 2 pictures enlarged' in result.stdout
        assert {str(path.relative_to(str(target))) for path in target.rglob('*.*')} == {
            'a.bmp', 'deep/grey.png'}
        for name, pixels in (('a.bmp', photo),
                             ('deep/grey.png', np.dstack([photo[::-1, :, 0]] * 3))):
            expected = np.rint(np.clip(upscaler(pixels, 3), 0, 255)).astype(np.uint8)
            if name == 'deep/grey.png':
                expected = np.dstack([np.rint(expected.mean(axis=2)).astype(np.uint8)] * 3)
            np.testing.assert_array_equal(read_rgb(str(target / name)), expected, err_msg=name)

    def test_between_two_pipes(self, run, upscaler, photo):
        encoded = io.BytesIO()
        Image.fromarray(photo).save(encoded, 'TIFF')
        result = subprocess.run(
            [sys.executable, 'predict.py', '--restore_path=%s' % (run / 'model.ckpt-4'),
             '--scale=2', '--chip=cpu', '--input_path=-', '--output_path=-', '--format=png'],
            cwd=ROOT, input=encoded.getvalue(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert (result.returncode, result.stderr) == (0, b'')
        enlarged = Image.open(io.BytesIO(result.stdout))
        assert enlarged.format == 'PNG'
        expected = np.rint(np.clip(upscaler(photo, 2), 0, 255)).astype(np.uint8)
        np.testing.assert_array_equal(np.asarray(enlarged), expected)


class TestPreparation:
    @pytest.mark.parametrize('naming, pattern, loader', [
        ('basic', 'x{scale}/{name}.png', 'basic_loader'),
        ('div2k', 'X{scale}/{name}x{scale}.png', 'div2k_loader')])
    def test_lr(self, run_script, photos, tmp_path, naming, pattern, loader):
        result = run_script('prepare.py', 'lr', '--data_truth_path=%s' % photos, '--scales=2,3,4',
                            '--output_path=%s' % (tmp_path / 'LR'), '--naming=%s' % naming,
                            check=True)
        assert '12 low-resolution images' in result.stdout
        written = {str(path.relative_to(str(tmp_path / 'LR'))): path
                   for path in (tmp_path / 'LR').rglob('*.*')}
        expected = {pattern.format(scale=scale, name=name):
                    truth_and_low_resolution(photos, name, scale)[1]
                    for scale in (2, 3, 4) for name in NAMES}
        assert sorted(written) == sorted(list(expected) + ['made_from.json'])
        for name, lr in expected.items():
            np.testing.assert_array_equal(read_rgb(str(written[name])), lr, err_msg=name)
        pairs = dataloaders.find(loader)(str(photos), str(tmp_path / 'LR'), (2, 3, 4)).pairs()
        assert [sorted(pair.lr) for pair in pairs] == [[2, 3, 4]] * len(NAMES)

    def test_lr_images_of_two_kinds_are_never_mixed(self, run_script, photos, tmp_path):
        words = ['prepare.py', 'lr', '--data_truth_path=%s' % photos, '--scales=3',
                 '--output_path=%s' % (tmp_path / 'LR')]
        run_script(*words, check=True)
        before = (tmp_path / 'LR' / 'x3' / 'chelsea.png').read_bytes()
        run_script(*words, check=True)
        result = run_script(*words + ['--degradation=blur-down'])
        assert result.returncode == 1
        assert result.stderr.endswith(
            '%s: is there already, but was not made with degradation=blur-down; remove it or name '
            'another --output_path\n' % (tmp_path / 'LR'))
        assert (tmp_path / 'LR' / 'x3' / 'chelsea.png').read_bytes() == before

    def test_lr_is_made_whatever_lies_beside_hr(self, run_script, photos, tmp_path):
        for name in NAMES:
            hr = read_rgb(str(photos / (name + '.png')))
            for place, pixels in (('HR', hr), ('LR_bicubic/X2', 255 - hr[::2, ::2])):
                path = tmp_path / 'Any' / place / (name + '.png')
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(str(path))
        loader = dataloaders.find('benchmark_loader')(str(tmp_path / 'Any'), None, (2,))
        assert all(pair.lr for pair in loader.pairs())
        run_script('prepare.py', 'lr', '--dataloader=benchmark_loader', '--scales=2',
                   '--data_truth_path=%s' % (tmp_path / 'Any'),
                   '--output_path=%s' % (tmp_path / 'made'), check=True)
        for name in NAMES:
            made, = (tmp_path / 'made').rglob('%s*.png' % name)
            np.testing.assert_array_equal(
                read_rgb(str(made)), truth_and_low_resolution(photos, name, 2)[1], err_msg=name)

    @pytest.mark.parametrize('command', ['lr', 'crops', 'tfrecord'])
    def test_nothing_is_made_among_the_images_that_it_is_made_from(
            self, run_script, photos, tmp_path, command):
        shutil.copytree(str(photos), str(tmp_path / 'mine'))
        for place in ('mine', 'mine/made'):
            result = run_script(
                'prepare.py', command, '--scales=2', '--patch_size=48',
                '--data_truth_path=%s' % (tmp_path / 'mine'),
                '--output_path=%s' % (tmp_path / place))
            assert result.returncode == 2
            assert '%s: lies in ' % (tmp_path / place) in result.stderr
        assert sorted(path.stem for path in (tmp_path / 'mine').iterdir()) == sorted(NAMES)

    def test_lr_images_never_overwrite_hr_images(self, run_script, photos, tmp_path):
        shutil.copytree(str(photos), str(tmp_path / 'x2'))
        result = run_script('prepare.py', 'lr', '--scales=2', '--output_path=%s' % tmp_path,
                            '--data_truth_path=%s' % (tmp_path / 'x2'))
        assert result.returncode == 1
        assert 'would be overwritten; give another --output_path' in result.stderr
        for name in NAMES:
            np.testing.assert_array_equal(read_rgb(str(tmp_path / 'x2' / (name + '.png'))),
                                          read_rgb(str(photos / (name + '.png'))))

    @pytest.mark.parametrize('model', ['wdsr', 'srcnn'])
    def test_pack(self, run_script, photos, tmp_path, model):
        command = ('prepare.py', 'pack', '--model=' + model, '--dataloader=folder_loader',
                   '--scales=2', '--data_truth_path=%s' % photos, '--pack_path=%s' % tmp_path)
        printed = run_script(*command, check=True).stdout
        loader = dataloaders.find('folder_loader')(str(photos), None, (2,))
        packed, = tmp_path.glob('*.bin')
        written = packed.stat().st_mtime_ns
        assert '4 images' in printed
        assert str(packed) in printed
        assert packed.stat().st_size >= 4 * 3 * (96 * 96 + 48 * 48)

        run_script(*command, check=True)
        # As its training asks for it.
        pack = open_pack(loader, (2,), str(tmp_path), models.find(model).input_is_enlarged)
        assert (pack.path, packed.stat().st_mtime_ns) == (str(packed), written)

    def test_pack_is_for_a_model(self, run_script, photos):
        result = run_script('prepare.py', 'pack', '--dataloader=folder_loader',
                            '--data_truth_path=%s' % photos)
        assert result.returncode == 2
        assert '--model is missing' in result.stderr

    def test_inspect_without_faults(self, run_script, photos):
        printed = run_script('prepare.py', 'inspect', '--data_truth_path=%s' % photos,
                             '--scales=2,5', check=True).stdout
        assert '4 images in %s' % photos in printed
        assert 'smallest 96x96, largest 96x96' in printed
        assert 'x2: 0 low-resolution images given, 4 to be made; 0 HR images' in printed
        assert 'x5: 0 low-resolution images given, 4 to be made; 4 HR images' in printed
        assert printed.splitlines()[-1] == 'no faults'

    def test_inspect_names_what_is_too_small(self, run_script, tmp_path):
        Image.new('RGB', (3, 3)).save(str(tmp_path / 'tiny.png'))
        result = run_script('prepare.py', 'inspect', '--scales=2,4',
                            '--data_truth_path=%s' % tmp_path)
        assert result.returncode == 1
        assert 'fault: %s: is 3x3, too small for x4' % (tmp_path / 'tiny.png') in result.stdout

    def test_inspect_names_every_fault(self, run_script, photos, tmp_path):
        for name in NAMES:
            hr, lr = truth_and_low_resolution(photos, name, 2)
            for folder, pixels in (('HR', hr), ('LR/x2', lr)):
                (tmp_path / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(str(tmp_path / folder / (name + '.png')))
        os.truncate(str(tmp_path / 'HR' / 'coffee.png'), 3000)
        (tmp_path / 'LR' / 'x2' / 'rocket.png').write_text('no picture')
        Image.fromarray(lr[:40]).save(str(tmp_path / 'LR' / 'x2' / 'chelsea.png'))

        result = run_script('prepare.py', 'inspect', '--scales=2',
                            '--data_truth_path=%s' % (tmp_path / 'HR'),
                            '--data_input_path=%s' % (tmp_path / 'LR'))

        assert (result.returncode, result.stderr) == (1, '')
        faults = [line for line in result.stdout.splitlines() if line.startswith('fault: ')]
        assert len(faults) == 3
        for fault, (name, why) in zip(faults, (
                ('LR/x2/chelsea.png', '48x40'), ('HR/coffee.png', 'truncated'),
                ('LR/x2/rocket.png', 'not an image'))):
            assert str(tmp_path / name) in fault
            assert why in fault
        assert '4 images in' in result.stdout
        assert result.stdout.splitlines()[-1] == '3 faults'

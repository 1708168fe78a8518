"""Runs that are killed, stopped, continued, fine-tuned or led astray."""
import csv
import fcntl
import glob
import json
import os
import re
import select
import shutil
import signal
import termios
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from random_networks import make_model, save_checkpoint
from test_bsrn import (
    expected_shapes,
    forward,
    random_image,
    random_weights,
    read_checkpoint,
    write_checkpoint,
)

import sr_tf
from sr_tf.compat import tf
from sr_tf.errors import UserError
from sr_tf.images.files import read_rgb, to_uint8
from sr_tf.images.resize import downscale
from sr_tf.training.folder import held
from sr_tf.training.start import FRESH, Start, choose_start, require_same_model

C, S = 4, 3
STEPS, SAVE_FREQ = 60, 5
AVERAGE = '/ExponentialMovingAverage'
PATIENCE = 300  # seconds


@pytest.fixture(scope='module')
def flags(photos):
    return ['--model=bsrn', '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
            '--bsrn_conv_features=%d' % C, '--bsrn_state_features=%d' % S, '--bsrn_recursions=2',
            '--batch_size=2', '--input_patch_size=8', '--chip=cpu', '--log_freq=1']


@pytest.fixture(scope='module')
def long_flags(flags):
    return flags + ['--scales=2,3', '--accumulate_steps=2', '--ema_decay=0.9',
                    '--learning_rate=1e-3', '--lr_schedule=cosine',
                    '--max_steps=%d' % STEPS, '--save_freq=%d' % SAVE_FREQ]


@pytest.fixture(scope='module')
def straight(run_script, long_flags, tmp_path_factory):
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp('straight') / 'run'
    run_script('train.py', *long_flags, '--train_path=%s' % folder, check=True)
    return folder


def saved_steps(folder):
    names = [os.path.basename(path) for path in glob.glob(str(folder / 'model.ckpt-*.index'))]
    return sorted(int(re.match(r'model\.ckpt-(\d+)\.index$', name).group(1)) for name in names)


def rows(folder):
    with open(str(folder / 'train.csv'), newline='') as file:
        return list(csv.DictReader(file))


def steps_made(folder):
    """As far as the run has told; each step adds a line to the table and its header."""
    try:
        with open(str(folder / 'train.csv')) as file:
            return file.read().count('\n') - 1
    except FileNotFoundError:
        return 0


def wait_for_step(process, folder, step):
    deadline = time.time() + PATIENCE
    while steps_made(folder) < step:
        assert process.poll() is None, process.communicate()
        assert time.time() < deadline
        time.sleep(0.002)


def interrupt(run_script, flags, folder, step, number):
    """Sends a signal to a run that has made this step; (exit code, what was printed)."""
    process = run_script.start('train.py', *flags, '--train_path=%s' % folder)
    try:
        wait_for_step(process, folder, step)
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    return process.returncode, output + errors


def assert_same_run(ours, theirs):
    """The same weights, slots and averages, bit for bit, and the same history."""
    mine, other = (read_checkpoint(folder / ('model.ckpt-%d' % STEPS)) for folder in (ours, theirs))
    assert set(mine) == set(other)
    kinds = {name.rsplit('/', 1)[-1] for name in other}
    assert {'kernel', 'bias', 'Adam', 'Adam_1', AVERAGE[1:], 'beta1_power'} <= kinds
    for name in other:
        assert np.array_equal(mine[name], other[name]), name
    history = ('step', 'scale', 'loss', 'gradient_norm', 'learning_rate')
    assert [row['step'] for row in rows(ours)] == [str(step) for step in range(1, STEPS + 1)]
    assert ([[row[column] for column in history] for row in rows(ours)]
            == [[row[column] for column in history] for row in rows(theirs)])


def assert_one_line(result, code, *parts):
    assert result.returncode == code
    assert 'Traceback' not in result.stderr
    line, = result.stderr.splitlines()
    assert line.startswith('train.py: error: ')
    for part in parts:
        assert str(part) in line


def test_killed_run_continues_as_if_nothing_had_happened(
        run_script, long_flags, straight, tmp_path):
    folder = tmp_path / 'run'
    code, _ = interrupt(run_script, long_flags, folder, 2 * SAVE_FREQ + 3, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert 2 * SAVE_FREQ <= saved_steps(folder)[-1] < STEPS
    assert steps_made(folder) > 2 * SAVE_FREQ
    run_script('train.py', *long_flags, '--train_path=%s' % folder, check=True)
    assert_same_run(folder, straight)


def test_stopped_run_saves_and_says_how_to_go_on(run_script, long_flags, straight, tmp_path):
    folder = tmp_path / 'run'
    for number, step in ((signal.SIGTERM, 2), (signal.SIGINT, 4 * SAVE_FREQ + 2)):
        code, text = interrupt(run_script, long_flags, folder, step, number)
        assert code == 128 + number
        assert 'Traceback' not in text
        assert re.search('%s: saved in %s.*same command continues' % (number.name, folder), text)
        last = saved_steps(folder)[-1]
        assert step <= last < STEPS
        assert int(rows(folder)[-1]['step']) == last, 'the step that was under way is lost'
    run_script('train.py', *long_flags, '--train_path=%s' % folder, check=True)
    assert_same_run(folder, straight)


def test_a_run_that_nobody_listens_to_any_more_saves(run_script, flags, tmp_path):
    """As Ctrl-C ends `tee` before it ends the training of `train.py 2>&1 | tee log`."""
    reader, writer = os.pipe()
    process = run_script.start('train.py', *flags, '--scales=2', '--max_steps=1000000',
                               '--train_path=%s' % (tmp_path / 'run'), stdout=writer, stderr=writer)
    os.close(writer)
    try:
        wait_for_step(process, tmp_path / 'run', 3)
        os.close(reader)
        step = steps_made(tmp_path / 'run')
        wait_for_step(process, tmp_path / 'run', step + 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 128 + signal.SIGINT
    finally:
        process.kill()
    assert saved_steps(tmp_path / 'run')[-1] >= step + 3


def test_a_run_whose_terminal_is_closed_saves(run_script, flags, tmp_path):
    def take_terminal():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    window, terminal = os.openpty()
    process = run_script.start(
        'train.py', *flags, '--scales=2', '--max_steps=100000',
        '--train_path=%s' % (tmp_path / 'run'), stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True, preexec_fn=take_terminal)
    os.close(terminal)
    try:
        with ThreadPoolExecutor(1) as reader:
            is_open = True
            reading = reader.submit(lambda: [
                os.read(window, 4096) for _ in iter(lambda: is_open, False)
                if select.select([window], [], [], 0.05)[0]])
            try:
                wait_for_step(process, tmp_path / 'run', 3)
            finally:
                is_open = False
            reading.result()
        os.close(window)
        assert process.wait(timeout=PATIENCE) == 128 + signal.SIGHUP
    finally:
        process.kill()
        process.wait()
    assert saved_steps(tmp_path / 'run')[-1] == steps_made(tmp_path / 'run') >= 3


def test_half_written_checkpoint_is_ignored(run_script, long_flags, straight, tmp_path):
    folder = tmp_path / 'run'
    shutil.copytree(str(straight), str(folder))
    os.remove(str(folder / ('model.ckpt-%d.index' % STEPS)))
    data, = glob.glob(str(folder / ('model.ckpt-%d.data-*' % STEPS)))
    with open(data, 'r+b') as file:
        file.truncate(100)
    for place in (folder, folder / 'best'):
        (place / '.saving-99999').mkdir(parents=True)
    shutil.copy(data, str(folder / '.saving-99999'))
    run_script('train.py', *long_flags, '--train_path=%s' % folder, check=True)
    assert_same_run(folder, straight)
    assert not (folder / '.saving-99999').exists()
    assert not (folder / 'best' / '.saving-99999').exists()


def contents(folder):
    found = {}
    for parent, _, names in os.walk(str(folder)):
        for name in names:
            with open(os.path.join(parent, name), 'rb') as file:
                found[os.path.join(parent, name)] = file.read()
    return found


def test_resume_never_refuses_a_folder_with_a_run(run_script, long_flags, straight):
    before = contents(straight)
    result = run_script('train.py', *long_flags, '--train_path=%s' % straight, '--resume=never')
    assert_one_line(result, 2, straight)
    assert contents(straight) == before


def test_what_does_not_fit_a_resumed_model_is_listed(run_script, long_flags, straight):
    result = run_script('train.py', *long_flags, '--train_path=%s' % straight,
                        '--bsrn_state_features=%d' % (S + 1), '--max_steps=%d' % (STEPS + 1))
    assert_one_line(result, 1, straight)
    misshaped, more = re.search('misshaped: (.*) and ([0-9]+) more', result.stderr).groups()
    name = 'generator/residual_modules/conv2d/bias'
    assert '%s is [%d] instead of [%d]' % (name, C + S, C + S + 1) in misshaped
    # Of six weights each with three more, the first are named.
    assert len(misshaped.split(', generator')) + int(more) == 6 * 4
    assert saved_steps(straight)[-1] == STEPS


@pytest.mark.parametrize('scales', ['2,4', '2', '2,3,4'])
def test_other_scales_are_another_run(run_script, long_flags, straight, scales):
    result = run_script('train.py', *long_flags, '--train_path=%s' % straight,
                        '--scales=%s' % scales, '--max_steps=%d' % (STEPS + 1))
    assert_one_line(result, 1, straight, 'is of a run of bsrn for x2, x3, and this is one of bsrn')


def test_weights_that_serve_every_scale_are_of_one_run_all_the_same(tmp_path):
    prefix = save_checkpoint(tmp_path, make_model('srcnn', 2))
    start = Start('resume', prefix, None)
    require_same_model(start, make_model('srcnn', 2))
    for other in (make_model('srcnn', 3), make_model('wdsr', 2)):
        with pytest.raises(UserError, match='is of a run of srcnn for x2, and this is one of'):
            require_same_model(start, other)


def test_a_scale_that_was_not_trained_joins_later(run_script, flags, tmp_path):
    own = flags + ['--model_scales=2,3', '--ema_decay=0.5', '--train_path=%s' % (tmp_path / 'run')]
    run_script('train.py', *own, '--scales=2', '--max_steps=2', check=True)
    before = read_checkpoint(tmp_path / 'run' / 'model.ckpt-2')
    new = 'generator/last_conv/x3/conv2d/kernel'
    assert new in before and new + '/Adam' not in before
    run_script('train.py', *own, '--scales=2,3', '--max_steps=3', '--learning_rate=0', check=True)
    after = read_checkpoint(tmp_path / 'run' / 'model.ckpt-3')
    np.testing.assert_allclose(after[new + AVERAGE], before[new], rtol=1e-6)
    assert after[new + '/Adam'].shape == before[new].shape


def test_weights_for_several_scales_start_one_for_a_single_scale(run_script, flags, tmp_path):
    weights = random_weights((2, 3), C, S)
    prefix = write_checkpoint(tmp_path / 'both.ckpt', weights)
    folder = tmp_path / 'run'
    result = run_script('train.py', *flags, '--scales=3', '--restore_path=%s' % prefix,
                        '--train_path=%s' % folder, '--max_steps=1', '--learning_rate=0',
                        check=True)
    wanted = expected_shapes((3,), C, S)
    assert '%d of %d weights taken' % (len(wanted), len(wanted)) in result.stdout
    unused, = re.findall('not used: (.*)', result.stdout)
    assert all('/x2/' in name for name in unused.split(', '))
    after = read_checkpoint(folder / 'model.ckpt-1')
    for name in wanted:
        source = name.replace('last_conv/', 'last_conv/x3/')
        assert np.array_equal(after[name], weights[source]), name


def test_weights_alone_are_not_continued(run_script, long_flags, straight, tmp_path):
    run_script('export.py', '--restore_path=%s' % straight, '--format=checkpoint',
               '--output_path=%s' % tmp_path, check=True)
    index, = tmp_path.glob('*.index')
    folder = tmp_path / 'run'
    folder.mkdir()
    for path in tmp_path.glob(index.stem + '.*'):
        path.rename(folder / ('model.ckpt-%d%s' % (STEPS, path.name[len(index.stem):])))
    result = run_script('train.py', *long_flags, '--train_path=%s' % folder)
    assert_one_line(result, 1, folder, 'holds weights alone', '--restore_path')
    result = run_script('train.py', *long_flags, '--train_path=%s' % (tmp_path / 'new'),
                        '--restore_path=%s' % folder, '--restore_target=all')
    assert_one_line(result, 1, folder, 'holds weights alone', 'no --restore_target')


def test_averages_are_continued_with_averages_alone(run_script, flags, long_flags, straight,
                                                    eight_steps):
    result = run_script('train.py', *long_flags, '--train_path=%s' % straight, '--ema_decay=0')
    assert_one_line(result, 1, straight, 'was trained with averages', 'give its --ema_decay')
    result = run_script('train.py', *flags, '--scales=2', '--max_steps=9', '--ema_decay=0.9',
                        '--train_path=%s' % eight_steps)
    assert_one_line(result, 1, eight_steps, 'was trained without averages')


def test_no_other_process_trains_in_the_folder_of_a_run(run_script, long_flags, straight, tmp_path):
    folder = tmp_path / 'run'
    process = run_script.start('train.py', *long_flags, '--train_path=%s' % folder)
    try:
        wait_for_step(process, folder, 1)
        process.send_signal(signal.SIGSTOP)
        result = run_script('train.py', *long_flags, '--train_path=%s' % folder)
        process.send_signal(signal.SIGCONT)
        assert process.wait(PATIENCE) == 0, process.communicate()
    finally:
        process.kill()
        process.communicate()
    assert_one_line(result, 1, folder, 'another process trains there')
    assert_same_run(folder, straight)


def test_a_start_that_another_process_has_overtaken_is_refused(straight, tmp_path):
    with pytest.raises(UserError, match='another process has just saved there'), \
            held(str(straight), FRESH):
        pytest.fail('it would begin anew in the folder of a run')
    with held(str(straight), choose_start(str(straight), 'auto', None, 'generator', 0)):
        assert saved_steps(straight)


def test_x2_weights_start_an_x4_model(run_script, flags, tmp_path):
    """What does not fit, by its name or its shape, is named and starts afresh."""
    weights = random_weights((2,), C, S + 1)
    prefix = write_checkpoint(tmp_path / 'x2.ckpt', weights)
    folder = tmp_path / 'run'
    result = run_script('train.py', *flags, '--scales=4', '--restore_path=%s' % prefix,
                        '--train_path=%s' % folder, '--max_steps=1', '--learning_rate=0',
                        check=True)
    wanted = expected_shapes((4,), C, S)
    absent = set(re.findall(r'generator/\S+(?= is not there)', result.stdout))
    assert absent == set(wanted) - set(weights)
    assert len(absent) == 4
    misshaped = set(re.findall(r'generator/\S+(?= has another shape)', result.stdout))
    assert misshaped == {name for name in wanted if 'residual_modules' in name}
    unused, = re.findall('not used: (.*)', result.stdout)
    assert {name for name in weights if '/x2/' in name} <= set(unused.split(', '))
    after = read_checkpoint(folder / 'model.ckpt-1')
    taken = set(wanted) - absent - misshaped
    assert taken == {'generator/%s/conv2d/%s' % (layer, kind)
                     for layer in ('first_conv', 'last_conv') for kind in ('kernel', 'bias')}
    for name in wanted:
        if name in taken:
            assert np.array_equal(after[name], weights[name]), name
        else:
            assert after[name].any() == name.endswith('kernel'), name


def test_fine_tuning_takes_weights_only(run_script, flags, straight, tmp_path):
    """Averaged ones, where there are; and the model's hyper-parameters from its JSON."""
    folder = tmp_path / 'run'
    own = [flag for flag in flags if not flag.startswith('--bsrn')]
    run_script('train.py', *own, '--scales=2,3', '--restore_path=%s' % straight,
               '--train_path=%s' % folder, '--max_steps=1', '--learning_rate=0', check=True)
    start = read_checkpoint(straight / ('model.ckpt-%d' % STEPS))
    after = read_checkpoint(folder / 'model.ckpt-1')
    for name in expected_shapes((2, 3), C, S):
        assert np.array_equal(after[name], start[name + AVERAGE]), name
    assert after['global_step'] == 1
    assert np.isclose(after['beta1_power'], 0.81)
    assert [row['step'] for row in rows(folder)] == ['1']


def test_loaded_weights_are_the_averaged_ones(straight):
    upscaler = sr_tf.load(str(straight), chip='cpu', precision='fp32')
    saved = read_checkpoint(straight / ('model.ckpt-%d' % STEPS))
    averages = {name: saved[name + AVERAGE] for name in expected_shapes((2, 3), C, S)}
    batch = random_image(6, 7)[np.newaxis].astype(np.float32)
    for ours, theirs in zip(upscaler.network(batch, 3), forward(averages, batch, 3, 2)):
        assert np.abs(ours - theirs).max() < 1e-3
    upscaler.close()


def assert_finite(prefix):
    for name, value in read_checkpoint(prefix).items():
        assert np.isfinite(value).all(), name


@pytest.fixture(scope='module')
def eight_steps(run_script, flags, tmp_path_factory):
    """A good run that keeps its last two checkpoints."""
    folder = tmp_path_factory.mktemp('eight') / 'run'
    run_script('train.py', *flags, '--scales=2', '--train_path=%s' % folder, '--max_steps=8',
               '--save_freq=2', '--save_max_keep=2', check=True)
    return folder


def test_oldest_checkpoints_are_removed(eight_steps):
    kept = {name for name in os.listdir(str(eight_steps)) if name.startswith('model.ckpt')}
    files = ('index', 'json', 'data-00000-of-00001')
    assert kept == {'model.ckpt-%d.%s' % (step, file) for step in (6, 8) for file in files}
    assert tf.train.latest_checkpoint(str(eight_steps)) == str(eight_steps / 'model.ckpt-8')


def test_diverging_run_stops_and_names_the_last_good_checkpoint(
        run_script, flags, eight_steps, tmp_path):
    folder = tmp_path / 'run'
    shutil.copytree(str(eight_steps), str(folder))
    own = flags + ['--scales=2', '--train_path=%s' % folder, '--save_freq=2', '--save_max_keep=2']
    before = read_checkpoint(folder / 'model.ckpt-8')
    result = run_script('train.py', *own, '--max_steps=20', '--learning_rate=1e30')
    # Step 9 ruins the weights, although its own loss is still a number.
    assert_one_line(result, 1, 'step 9: ', folder / 'model.ckpt-8')
    assert saved_steps(folder) == [6, 8]
    assert_finite(folder / 'model.ckpt-8')
    run_script('train.py', *own, '--max_steps=10', check=True)
    assert [row['step'] for row in rows(folder)] == [str(step) for step in range(1, 11)]
    after = read_checkpoint(folder / 'model.ckpt-10')
    kernel = 'generator/first_conv/conv2d/kernel'
    assert 0 < np.abs(after[kernel] - before[kernel]).max() < 0.1


def test_spoilt_weights_never_replace_good_ones(run_script, flags, eight_steps, tmp_path):
    """The step before the loss is no number has a finite loss, and ruins the weights."""
    folder = tmp_path / 'run'
    shutil.copytree(str(eight_steps), str(folder))
    result = run_script('train.py', *flags, '--scales=2', '--train_path=%s' % folder,
                        '--save_freq=1', '--save_max_keep=1', '--max_steps=20',
                        '--learning_rate=1e30')
    assert_one_line(result, 1, folder / 'model.ckpt-8')
    assert saved_steps(folder)[-1] == 8


def mean_psnr(prefix, photos, scales):
    upscaler = sr_tf.load(str(prefix), chip='cpu', precision='fp32')
    scores = []
    for scale in scales:
        for path in sorted(glob.glob(str(photos / '*.png'))):
            hr = read_rgb(path)
            sr = to_uint8(upscaler(downscale(hr, scale), scale))
            scores.append(sr_tf.score(sr, hr, scale)[0])
    upscaler.close()
    return np.mean(scores)


@pytest.mark.parametrize('before, after', [('dynamic', 'none'), ('16', 'dynamic'),
                                           ('dynamic', '16')])
def test_run_goes_on_with_another_loss_scale(run_script, flags, tmp_path, before, after):
    """As a run that moves to another chip does."""
    folder = tmp_path / 'run'
    for steps, loss_scale in enumerate((before, after), 1):
        run_script('train.py', *flags, '--scales=2', '--train_path=%s' % folder,
                   '--max_steps=%d' % steps, '--loss_scale=' + loss_scale, check=True)
    ours = read_checkpoint(folder / 'model.ckpt-2')
    assert ours['global_step'] == 2
    assert ours.get('loss_scale') == (2.0 ** 15 if after == 'dynamic' else None)


def test_only_scales_that_are_trained_are_validated(run_script, flags, photos, tmp_path):
    lr = tmp_path / 'LR' / 'x2'
    lr.mkdir(parents=True)
    for photo in photos.iterdir():
        Image.fromarray(downscale(read_rgb(str(photo)), 2)).save(str(lr / photo.name))
    run_script('train.py', *flags, '--scales=2', '--model_scales=2,3', '--max_steps=1',
               '--train_path=%s' % (tmp_path / 'run'), '--validate_freq=1',
               '--valid_dataloader=basic_loader', '--valid_truth_path=%s' % photos,
               '--valid_input_path=%s' % lr.parent, check=True)
    row, = [row for row in rows(tmp_path / 'run') if row['psnr']]
    expected = mean_psnr(tmp_path / 'run', photos, [2])
    assert np.isclose(float(row['psnr']), expected, atol=1e-3)


@pytest.mark.parametrize('kept', ['nothing', 'the score'])
def test_validation_that_was_killed_is_made_up(run_script, flags, photos, tmp_path, kept):
    folder = tmp_path / 'run'
    own = flags + ['--scales=2', '--train_path=%s' % folder, '--max_steps=2',
                   '--validate_freq=2', '--valid_truth_path=%s' % photos]
    run_script('train.py', *own, check=True)
    path = folder / 'model.ckpt-2.json'
    metadata = json.loads(path.read_text())
    # As it is left by whoever was killed after saving, or between its score and the copy in best/.
    shutil.rmtree(str(folder / 'best'))
    if kept == 'nothing':
        path.write_text(json.dumps(dict(metadata, score=None)))
    again = run_script('train.py', *own, check=True)
    assert 'step 2/2 validation PSNR %.4f dB' % metadata['score'] in again.stdout
    assert json.loads((folder / 'best' / path.name).read_text()) == metadata
    assert 'validation PSNR' not in run_script('train.py', *own, check=True).stdout


def test_best_checkpoint_is_kept_across_a_resume(run_script, flags, photos, tmp_path):
    folder = tmp_path / 'run'
    own = flags + ['--scales=2,3', '--train_path=%s' % folder, '--ema_decay=0.5',
                   '--validate_freq=2', '--valid_truth_path=%s' % photos, '--save_max_keep=1']
    run_script('train.py', *own, '--max_steps=6', '--learning_rate=1e-2', check=True)
    early = {int(row['step']): float(row['psnr']) for row in rows(folder) if row['psnr']}
    assert sorted(early) == [2, 4, 6]
    run_script('train.py', *own, '--max_steps=10', '--learning_rate=3', check=True)
    scores = {int(row['step']): float(row['psnr']) for row in rows(folder) if row['psnr']}
    assert sorted(scores) == [2, 4, 6, 8, 10]
    best = max(scores, key=scores.get)
    assert best < 10, 'so large a rate was to spoil the weights'
    assert saved_steps(folder / 'best') == [best]
    assert saved_steps(folder) == [10]
    prefix = folder / 'best' / ('model.ckpt-%d' % best)
    with open(str(prefix) + '.json') as file:
        score = json.load(file)['score']
    assert np.isclose(score, scores[best], atol=1e-3)
    assert np.isclose(score, mean_psnr(prefix, photos, (2, 3)), atol=1e-3)
    assert not [name for name in os.listdir(str(folder / 'best')) if name.startswith('.')]


def test_the_best_on_other_images_is_not_beaten_by_these(run_script, flags, photos, tmp_path):
    folder, others = tmp_path / 'run', tmp_path / 'others'
    own = flags + ['--scales=3', '--train_path=%s' % folder, '--validate_freq=1']
    run_script('train.py', *own, '--max_steps=1', '--valid_truth_path=%s' % photos, check=True)
    others.mkdir()
    shutil.copy(str(next(photos.iterdir())), str(others))
    for more in ('--valid_truth_path=%s' % others,
                 '--valid_truth_path=%s --degradation=blur-down' % photos):
        result = run_script('train.py', *own, '--max_steps=2', *more.split())
        assert_one_line(result, 1, folder / 'best', 'on other validation images')
    for path in folder.glob('model.ckpt-*'):
        path.unlink()
    shutil.copytree(str(folder / 'best'), str(tmp_path / 'kept'))
    result = run_script('train.py', *own, '--max_steps=2', '--valid_truth_path=%s' % photos)
    assert_one_line(result, 1, folder / 'best', 'is of another run, which came to step 1')
    assert sorted(os.listdir(str(folder / 'best'))) == sorted(os.listdir(str(tmp_path / 'kept')))


def test_pictures_that_cannot_be_scored_end_a_run_at_its_beginning(run_script, flags, photos,
                                                                   tmp_path):
    bad = np.full((24, 24, 4), 128, np.uint8)
    Image.fromarray(bad).save(str(tmp_path / 'see-through.png'))
    result = run_script('train.py', *flags, '--scales=2', '--train_path=%s' % (tmp_path / 'run'),
                        '--max_steps=2', '--validate_freq=2', '--valid_truth_path=%s' % tmp_path)
    assert_one_line(result, 1, tmp_path / 'see-through.png')
    assert not (tmp_path / 'run').exists()


def test_validation_takes_the_degradation_that_is_trained_for(run_script, flags, photos, tmp_path):
    folder = tmp_path / 'run'
    own = ['--degradation=blur-down', '--scales=3']
    run_script('train.py', *flags, *own, '--max_steps=1', '--train_path=%s' % folder,
               '--validate_freq=1', '--valid_truth_path=%s' % photos, check=True)
    row, = [row for row in rows(folder) if row['psnr']]
    means = {}
    for degradation in ('blur-down', 'bicubic'):
        report = tmp_path / degradation
        run_script('validate.py', '--restore_path=%s' % folder, '--chip=cpu', '--scales=3',
                   '--degradation=%s' % degradation, '--dataloader=folder_loader',
                   '--data_truth_path=%s' % photos, '--report_path=%s' % report, check=True)
        result, = json.loads((report / 'metrics.json').read_text())['results']
        means[degradation] = result['psnr']
    assert float(row['psnr']) == pytest.approx(means['blur-down'], abs=1e-4)
    assert abs(means['bicubic'] - means['blur-down']) > 0.01

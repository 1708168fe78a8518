"""The shell launchers, as the guide says to call them, but on the CPU and with a tiny network."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from test_modelarts import (
    EMULATOR,
    ROOT,
    TINY,
    data,
    documented,
    logged_steps,
    own_environment,
    step_of,
    wait_until,
    whole_checkpoints,
)

from sr_tf.lock import locked

assert data  # the fixture

LAUNCHERS = ('train_full_1p.sh', 'train_full_8p.sh', 'train_performance_1p.sh',
             'train_performance_8p.sh', 'train_finetuning_1p.sh', 'run_test.sh', 'run_1p_prof.sh')
ON_CPU = TINY + ('--batch_size=2', '--device=cpu')
KEYS = ['Network', 'RankSize', 'BatchSize', 'DeviceType', 'CaseName', 'ActualFPS', 'TrainingTime',
        'ActualLoss', 'E2ETrainingTime', 'TrainAccuracy']


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('launchers')


class Bench:
    """Runs launchers with a number for the device that no other test uses."""

    def __init__(self, root):
        self._root = root
        self._environment = own_environment(
            PYTHON=sys.executable, XDG_CACHE_HOME=str(root / 'cache'),
            ASCEND_DEVICE_ID='7%d' % os.getpid())
        self.device = self._environment['ASCEND_DEVICE_ID']
        self._output = os.path.join(ROOT, 'test', 'output', self.device)

    def start(self, words):
        job = subprocess.Popen(words, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        job.output = self.path('train_%s.log' % self.device)
        return job

    def __call__(self, words, code=0, **environment):
        """What it printed, on both streams."""
        result = subprocess.run(
            words, cwd=ROOT, env=dict(self._environment, **environment), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert result.returncode == code, result.stdout
        return result.stdout

    def path(self, name):
        return type(self._root)(os.path.join(self._output, name))

    def summary(self, case):
        """The values in a case's log, with `losses` from the file beside it."""
        lines = self.path(case + '.log').read_text().splitlines()
        assert re.match('# ActualFPS counts the images of all devices together', lines.pop())
        values = dict(line.split(' = ') for line in lines)
        assert [line.split(' = ')[0] for line in lines] == KEYS
        assert values['CaseName'] == case
        values['losses'] = self.path(case + '_loss.txt').read_text().split()
        assert values['ActualLoss'] == values['losses'][-1]
        return values

    def clean(self):
        shutil.rmtree(self._output, ignore_errors=True)


@pytest.fixture(scope='module')
def launch(root):
    bench = Bench(root)
    yield bench
    bench.clean()


@pytest.fixture(scope='module')
def command(root, data):
    """`command(name, *options)`: the words of a command of the guide, made small."""
    places = {'DIV2K': data, 'runs/bsrn': root / 'bsrn', 'runs/bsrn8': root / 'bsrn8',
              'runs/finer': root / 'finer', 'rank_table.json': root / 'rank_table.json'}
    return lambda name, *options: documented(name, places) + list(ON_CPU + options)


@pytest.fixture(scope='module')
def trained(launch, command):
    return launch(command('full', '--train_steps=3'))


def means(output):
    """Images per second and seconds per step, from the log's lines."""
    lines = re.findall(r'sec/batch ([\d.]+) fps ([\d.]+)', output)
    return (len(lines) / sum(1 / float(fps) for _, fps in lines),
            sum(float(seconds) for seconds, _ in lines) / len(lines))


def test_training_on_one_device(trained, launch, root):
    summary = launch.summary('bsrn_bs2_1p_acc')
    fps, seconds = means(trained)
    assert (summary['Network'], summary['RankSize'], summary['BatchSize']) == ('bsrn', '1', '2')
    assert summary['DeviceType'] == os.uname().machine
    assert float(summary['ActualFPS']) == pytest.approx(fps, abs=0.01)
    assert float(summary['TrainingTime']) == pytest.approx(seconds, abs=1e-4)
    assert summary['losses'] == re.findall(r'loss ([\d.]+)', trained)
    assert len(summary['losses']) == 3
    psnr, ssim = re.search(r'x2: PSNR ([\d.]+) dB, SSIM ([\d.]+) \(bicubic', trained).groups()
    assert summary['TrainAccuracy'] == psnr
    assert trained.splitlines()[-5:] == [
        'Final Performance images/sec : ' + summary['ActualFPS'],
        'Final Performance sec/step : ' + summary['TrainingTime'],
        'Final Train Accuracy : ' + psnr,
        'Final SSIM : ' + ssim,
        'E2E Training Duration sec : ' + summary['E2ETrainingTime']]
    log = launch.path('train_%s.log' % launch.device).read_text()
    assert log == trained[:trained.index('Final ')]
    assert (root / 'bsrn' / 'report' / 'report.html').exists()


def test_a_run_is_continued_when_asked_and_never_overwritten(trained, launch, command):
    refusal = launch(command('full', '--train_steps=4'), code=2)
    assert refusal.startswith('train_full_1p.sh: ')
    assert 'holds a run: continue it with --ifcontinue' in refusal
    assert logged_steps(launch(command('continued', '--train_steps=4'))) == [4]


def test_fine_tuning(trained, launch, command, root):
    output = launch(command('finer', '--train_steps=2'))
    assert re.search(r'%s/model\.ckpt-\d: (\d+) of \1 weights taken' % (root / 'bsrn'), output)
    assert logged_steps(output) == [1, 2]
    assert [step_of(path) for path in whole_checkpoints(root / 'finer')] == [2]


def test_scoring(trained, launch, command):
    words = [word for word in command('test')
             if not word.startswith(('--batch', '--input_patch', '--log', '--bsrn'))]
    output = launch(words + ['--intermediate'])
    psnr, ssim = re.search(r'DIV2K_valid_HR x2: PSNR (\S+) dB, SSIM (\S+) \(', output).groups()
    assert output.splitlines()[-2:] == ['Final PSNR : ' + psnr, 'Final SSIM : ' + ssim]
    assert launch.path('test_%s.log' % launch.device).read_text() == output[:output.index('Final')]
    assert launch.path('run_test/metrics.json').exists()


def test_training_on_several_npus(launch, command, root, run_script):
    """They are emulated."""
    table = run_script(*[word.replace(',10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8', '')
                         for word in documented('rank table', {})[1:-2]], check=True)
    (root / 'rank_table.json').write_text(table.stdout)
    words = command('full on eight', '--num_devices=2', '--train_steps=2', '--device=npu')
    output = launch(words, PYTHONPATH=EMULATOR)
    assert '[0] bsrn on 2 npu in mixed, 3 images, 2 steps, ' in output
    summary = launch.summary('bsrn_bs2_2p_acc')
    assert summary['RankSize'] == '2'
    assert float(summary['ActualFPS']) == pytest.approx(means(output)[0], abs=0.01)
    assert len(summary['losses']) == 2
    assert [step_of(path) for path in whole_checkpoints(root / 'bsrn8')] == [2]


def test_speed_on_several_devices(launch, command):
    """Of another model; without --batch_size the log still says how large it was."""
    words = [word for word in command('speed on eight', '--num_devices=2', '--train_steps=1')
             if not word.startswith(('--batch_size', '--bsrn', '--input_patch'))]
    launch(words + ['--model=srcnn', '--input_patch_size=12'])
    summary = launch.summary('srcnn_bs16_2p_perf')
    assert (summary['BatchSize'], summary['TrainAccuracy']) == ('16', 'none')


def test_speed_and_a_signal_on_the_way(launch, command):
    """The launcher passes SIGTERM on, training saves, and the launcher's code tells of it."""
    run = launch.path('train_performance_1p')
    job = launch.start(command('speed', '--sleep_ratio=3', '--save_freq=5'))
    wait_until(lambda: whole_checkpoints(run), job)
    job.terminate()
    assert job.wait(timeout=120) == 128 + signal.SIGTERM
    log = job.output.read_text()
    assert ', 3 images, 300 steps, ' in log
    assert 'SIGTERM: saved in %s; ' % run in log
    assert step_of(whole_checkpoints(run)[-1]) == logged_steps(log)[-1]
    assert not launch.path('bsrn_bs2_1p_perf.log').exists()


def traced_steps(run):
    """Those that a profile is there of, which a browser can read."""
    steps = []
    for path in (run / 'profile').iterdir():
        assert json.loads(path.read_text())['traceEvents']
        steps.append(int(re.match(r'step-(\d+)\.json$', path.name).group(1)))
    return sorted(steps)


def test_profile(launch, command):
    launch(command('profile'))
    summary = launch.summary('bsrn_bs2_1p_perf')
    assert len(summary['losses']) == 20
    assert summary['TrainAccuracy'] == 'none'
    assert traced_steps(launch.path('run_1p_prof')) == list(range(10, 16))
    launch(command('profile', '--ifcontinue', '--train_steps=35'))
    assert traced_steps(launch.path('run_1p_prof')) == list(range(10, 16)) + list(range(30, 36))


def test_a_training_that_fails_fails_the_launcher(launch, command, root):
    output = launch(command('full', '--output_path=%s' % (root / 'failed'), '--scales=two',
                            '--batch_size=3'), code=2)
    assert 'train.py: error: --scales=two: ' in output
    assert 'Final ' not in output
    assert not launch.path('bsrn_bs3_1p_acc.log').exists()


@pytest.mark.parametrize('launcher, options, message', [
    ('train_full_1p.sh', [], '--data_path is missing'),
    ('train_full_1p.sh', ['--data_path=/nowhere'], '--data_path=/nowhere: no such folder'),
    ('train_full_1p.sh', ['--data_path=.', '--device=tpu'], '--device=tpu: is npu, gpu or cpu'),
    ('train_full_1p.sh', ['--data_path=.', '--batch_size=0'], '--batch_size=0: is a whole number'),
    ('train_full_1p.sh', ['--data_path=.', 'more'], 'more: options are written --name=value'),
    ('train_finetuning_1p.sh', ['--data_path=.'], '--restore_path is missing'),
])
def test_what_makes_no_sense_is_refused(launch, launcher, options, message):
    line, = launch(['bash', 'test/' + launcher] + options, code=2).splitlines()
    assert line.startswith('%s: %s' % (launcher, message))


def test_a_run_is_seen_in_a_folder_of_any_name(launch, command, root):
    folder = root / 'run[1] of 2'
    folder.mkdir()
    (folder / 'model.ckpt-1.index').write_text('')
    output = launch(command('full', '--output_path=%s' % folder), code=2)
    assert output.endswith('%s holds a run: continue it with --ifcontinue or name another '
                           '--output_path\n' % folder)


def test_two_launchers_do_not_write_to_one_place(launch, command):
    place = launch.path('.lock')
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(str(place)):
        line, = launch(command('full'), code=2).splitlines()
    assert 'another launcher writes to %s: ' % place.parent in line


def test_python_may_be_named_from_where_one_is(launch, tmp_path):
    words = ['bash', '-c', 'cd / && bash "$@"', 'sh',
             os.path.join(ROOT, 'test', 'train_full_1p.sh'), '--data_path=%s' % tmp_path]
    line, = launch(words, code=2, PYTHON=os.path.relpath(sys.executable, '/')).splitlines()
    assert 'no images' in line


def test_npus_need_a_rank_table(launch, command):
    words = [word for word in command('speed on eight', '--device=npu')
             if not word.startswith('--rank_table')]
    assert launch(words, code=2).startswith('train_performance_8p.sh: --rank_table is missing')


@pytest.mark.parametrize('launcher', LAUNCHERS)
def test_help(launch, launcher):
    output = launch(['bash', 'test/' + launcher, '--help'])
    assert output.startswith('usage: bash test/%s --data_path=FOLDER' % launcher)
    for option in ('output_path', 'batch_size', 'train_steps', 'train_epochs', 'device',
                   'ifcontinue', 'model', 'help'):
        assert '\n  --' + option in output

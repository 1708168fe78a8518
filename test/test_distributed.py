"""Several processes that train one model: by launch.py, by hand, on two hosts, and in trouble."""
import contextlib
import csv
import glob
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image
from test_bsrn import random_weights, read_checkpoint, write_checkpoint

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GUIDE = os.path.join(ROOT, 'docs', 'several-devices.md')
TOLD_BY_LAUNCHER = ('RANK_ID', 'RANK_SIZE', 'DEVICE_ID', 'ASCEND_DEVICE_ID', 'JOB_ID',
                    'SR_TF_ADDRESSES', 'RANK_TABLE_FILE', 'CUDA_VISIBLE_DEVICES')
NO_WAY_OUT = dict.fromkeys(('http_proxy', 'https_proxy', 'grpc_proxy'), 'http://127.0.0.1:1')
PATIENCE = 300  # seconds
NOTICED_WITHIN = 20  # seconds from a rank's death to the end of the job

SCALES = (2, 3)
FEATURES = 8
RATE = 1e-3
EQUAL_STEPS = 20
STEPS = 150
SAVE_FREQ = 10
STEP_TIMEOUT = 10  # seconds; the first step, which plans the graph, must not take as long

Finished = namedtuple('Finished', 'code output errors')


class Job:
    """A command, all of whose processes are known by a mark, and killed in the end."""

    def __init__(self, command, environment):
        mark = uuid.uuid4().hex
        self._mark = ('SR_TF_TEST=' + mark).encode()
        inherited = {name: value for name, value in os.environ.items()
                     if name not in TOLD_BY_LAUNCHER + ('PYTHONPATH',)}
        self._output, self._errors = (tempfile.TemporaryFile() for _ in range(2))
        self._process = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=self._output, stderr=self._errors,
            env=dict(inherited, SR_TF_TEST=mark, **environment))

    def processes(self):
        """Maps those that live to their environments."""
        found = {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError), open('/proc/%s/environ' % pid, 'rb') as file:
                environment = file.read().split(b'\0')
                if self._mark in environment:
                    found[int(pid)] = environment
        return found

    def rank(self, number):
        """The process that is this rank."""
        wanted = {b'RANK_ID=%d' % number, b'HOROVOD_RANK=%d' % number}
        pid, = [pid for pid, environment in self.processes().items() if wanted & set(environment)]
        return pid

    def send(self, number):
        self._process.send_signal(number)

    def wait_until(self, condition):
        deadline = time.time() + PATIENCE
        while not condition():
            assert self._process.poll() is None, self.said()
            assert time.time() < deadline, self.said()
            time.sleep(0.01)

    def said(self):
        # The processes write where the file's position is: reading must not move it.
        files = (file.fileno() for file in (self._output, self._errors))
        return [os.pread(file, os.fstat(file).st_size, 0).decode(errors='surrogateescape')
                for file in files]

    def wait(self, timeout=PATIENCE):
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            pytest.fail('still running after %g s: %s' % (timeout, self.said()))
        return Finished(code, *self.said())

    def kill(self):
        while self.processes():
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            time.sleep(0.01)
        self._output.close()
        self._errors.close()


@contextlib.contextmanager
def started(*command, **environment):
    job = Job(command, environment)
    try:
        yield job
    finally:
        job.kill()


def python(*command, **environment):
    """Runs a script of the project to its end."""
    with started(sys.executable, *command, **environment) as job:
        return job.wait()


def launcher(devices, *command, **options):
    """The words of a launch; options are launch.py's flags."""
    flags = ['--%s=%s' % option for option in options.items()]
    return [sys.executable, 'launch.py', '--num_devices=%d' % devices] + flags + ['--', *command]


def launch(devices, *command, **options):
    with started(*launcher(devices, *command, **options)) as job:
        return job.wait()


@pytest.fixture(scope='module')
def training(photos, tmp_path_factory):
    """The words of a training, but for where, how many patches and how long."""
    folder = tmp_path_factory.mktemp('training')
    start = write_checkpoint(folder / 'start', random_weights(SCALES, FEATURES, FEATURES))
    return ['train.py', '--model=bsrn', '--dataloader=folder_loader', '--chip=cpu',
            '--data_truth_path=%s' % photos, '--pack_path=%s' % (folder / 'packs'),
            '--restore_path=%s' % start, '--scales=%s' % ','.join(map(str, SCALES)),
            '--bsrn_conv_features=%d' % FEATURES, '--bsrn_state_features=%d' % FEATURES,
            '--bsrn_recursions=2', '--input_patch_size=16', '--learning_rate=%g' % RATE,
            '--seed=7', '--save_freq=%d' % SAVE_FREQ, '--log_freq=5']


@pytest.fixture(scope='module')
def short(training):
    return training + ['--max_steps=%d' % EQUAL_STEPS]


@pytest.fixture(scope='module')
def validation(photos, tmp_path_factory):
    """`validation(numbers)` is flags for three images, all black but for those of the numbers."""
    def validation(numbers=(0, 1, 2)):
        folder = tmp_path_factory.mktemp('validation')
        for number, path in enumerate(sorted(photos.iterdir())[:3]):
            with Image.open(str(path)) as image:
                shown = image if number in numbers else Image.new('RGB', image.size)
                shown.save(str(folder / path.name))
        return ['--valid_truth_path=%s' % folder, '--validate_freq=%d' % EQUAL_STEPS]

    return validation


@pytest.fixture(scope='module')
def alone(short, validation, tmp_path_factory):
    """The folder of one process that saw all eight patches of each step."""
    folder = tmp_path_factory.mktemp('alone') / 'run'
    result = python(*short, '--batch_size=8', '--train_path=%s' % folder, *validation())
    assert result.code == 0, result
    return folder


@pytest.fixture(scope='module')
def two(training):
    return training + ['--batch_size=4', '--max_steps=%d' % STEPS]


@pytest.fixture(scope='module')
def straight(two, tmp_path_factory):
    """The folder of two processes that nothing interrupted."""
    folder = tmp_path_factory.mktemp('straight') / 'run'
    result = launch(2, *two, '--train_path=%s' % folder)
    assert result.code == 0, result
    assert '[0] done: ' in result.output
    return folder


def variables(folder, step=EQUAL_STEPS):
    return read_checkpoint(folder / ('model.ckpt-%d' % step))


def rows(folder):
    with open(str(folder / 'train.csv'), newline='') as file:
        return list(csv.DictReader(file))


def column(folder, name, steps=EQUAL_STEPS):
    return [float(row[name]) for row in rows(folder) if row[name] and int(row['step']) <= steps]


def saved_steps(folder):
    paths = glob.glob(str(folder / 'model.ckpt-*.index'))
    return sorted(int(re.search(r'-(\d+)\.index$', path).group(1)) for path in paths)


def is_slot(name):
    return name.rsplit('/', 1)[-1] in ('Adam', 'Adam_1')


def assert_same_model(ours, theirs):
    """As far as sums in another order allow; the gradients show whether they were averaged."""
    mine, other = variables(ours), variables(theirs)
    assert set(mine) == set(other)
    assert any(map(is_slot, mine))
    for name in other:
        bound = (1e-3 if is_slot(name) else 1e-5) * np.abs(other[name]).max()
        assert np.abs(mine[name] - other[name]).max() <= bound, name
    for name in ('loss', 'gradient_norm'):
        assert np.allclose(column(ours, name), column(theirs, name), rtol=1e-4)
        assert len(column(ours, name)) == EQUAL_STEPS // 5


def assert_identical(ours, theirs, step):
    mine, other = variables(ours, step), variables(theirs, step)
    assert set(mine) == set(other)
    for name in other:
        assert np.array_equal(mine[name], other[name]), name


def assert_one_line(result, code, *parts):
    assert result.code == code, result
    line, = result.errors.splitlines()
    assert re.match(r'(train|launch)\.py: error: ', line)
    for part in parts:
        assert str(part) in line


def test_two_processes_equal_one_with_twice_the_batch(alone, straight):
    assert_same_model(straight, alone)
    assert np.allclose(column(straight, 'learning_rate'), RATE, rtol=1e-6)


@pytest.fixture(scope='module')
def four(short, validation, tmp_path_factory):
    folder = tmp_path_factory.mktemp('four') / 'run'
    result = launch(4, *short, '--batch_size=2', '--train_path=%s' % folder,
                    '--learning_rate=%r' % (RATE / 2), '--lr_scaling=sqrt', *validation())
    assert result.code == 0, result
    return folder


def test_four_processes_at_half_the_rate_scaled_by_their_root_equal_one(alone, four):
    assert_same_model(four, alone)
    assert np.allclose(column(four, 'learning_rate'), RATE, rtol=1e-6)


@pytest.fixture(scope='module')
def accumulating(short, tmp_path_factory):
    folder = tmp_path_factory.mktemp('accumulating') / 'run'
    result = launch(2, *short, '--batch_size=2', '--accumulate_steps=2', '--train_path=%s' % folder,
                    '--learning_rate=%r' % (RATE / 2), '--lr_scaling=linear')
    assert result.code == 0, result
    return folder


def test_processes_that_accumulate_at_half_the_rate_scaled_linearly_equal_one(alone, accumulating):
    assert_same_model(accumulating, alone)
    assert np.allclose(column(accumulating, 'learning_rate'), RATE, rtol=1e-6)


def test_two_processes_equal_one_in_mixed_precision(short, tmp_path):
    """In bfloat16, where there is any; a loss that was rounded to it would differ."""
    mixed = short + ['--precision=mixed']
    result = launch(2, *mixed, '--batch_size=4', '--train_path=%s' % (tmp_path / 'two'))
    assert result.code == 0, result
    result = python(*mixed, '--batch_size=8', '--train_path=%s' % (tmp_path / 'one'))
    assert result.code == 0, result
    ours, theirs = (column(tmp_path / name, 'loss') for name in ('two', 'one'))
    np.testing.assert_allclose(ours, theirs, rtol=5e-4)


def assert_same_validation(ours, theirs):
    (mine,), (other,) = column(ours, 'psnr'), column(theirs, 'psnr')
    assert np.isclose(mine, other, rtol=0, atol=1e-3)
    assert saved_steps(ours / 'best') == saved_steps(theirs / 'best') == [EQUAL_STEPS]


def test_process_without_a_validation_image_adds_nothing(alone, four):
    assert_same_validation(four, alone)


@pytest.mark.parametrize('run', ['alone', 'straight', 'four', 'accumulating'])
def test_fps_counts_the_images_of_all_processes(request, run):
    folder = request.getfixturevalue(run)
    seconds, fps = (np.array(column(folder, name)) for name in ('sec_per_batch', 'images_per_sec'))
    assert np.allclose(seconds * fps, 8, rtol=1e-4)
    last = '%.3f' % fps[-1]
    logged = re.findall(r'step %d/.* fps (\S+)' % EQUAL_STEPS, (folder / 'train.log').read_text())
    assert np.isclose(float(logged[0]), float(last), rtol=1e-3)


@pytest.fixture(scope='module')
def by_hand(short, validation, tmp_path_factory):
    """The folders of two processes that only their environments made ranks of one job.

    Each is shown the validation images of its own share, and a proxy that is not there.
    """
    folders = [tmp_path_factory.mktemp('by_hand') / 'run' for _ in range(2)]
    addresses = ','.join('127.0.0.1:%d' % port for port in free_ports(2))
    with contextlib.ExitStack() as jobs:
        ranks = [jobs.enter_context(started(
            sys.executable, *short, '--batch_size=4', '--train_path=%s' % folders[rank],
            *validation(share), RANK_ID=str(rank), RANK_SIZE='2', SR_TF_ADDRESSES=addresses,
            **NO_WAY_OUT)) for rank, share in enumerate([(0, 2), (1,)])]
        results = [job.wait() for job in ranks]
    assert [result.code for result in results] == [0, 0], results
    assert results[1].output == ''
    return folders


def test_processes_started_by_hand_need_neither_launcher_nor_proxy(by_hand, straight):
    assert_identical(by_hand[0], straight, EQUAL_STEPS)


def test_only_rank_0_writes(by_hand):
    assert saved_steps(by_hand[0]) == [SAVE_FREQ, EQUAL_STEPS]
    assert not by_hand[1].exists()


def test_each_validation_image_is_scored_by_one_process(by_hand, alone):
    assert_same_validation(by_hand[0], alone)


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def hosts():
    """Two network namespaces: for each what to put before a command, and its address."""
    ip = shutil.which('ip', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if ip is None:
        pytest.skip('two hosts are played by network namespaces; there is no `ip` (iproute2)')
    names = ['srtf%d%s' % (os.getpid(), side) for side in 'ab']
    cables = ['v' + name for name in names]

    def run(*words):
        result = subprocess.run((ip,) + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=PATIENCE)
        if result.returncode:
            pytest.skip('two hosts are played by network namespaces; `ip %s`: %s'
                        % (' '.join(words), result.stdout.strip()))

    try:
        for name in names:
            run('netns', 'add', name)
        run('link', 'add', cables[0], 'netns', names[0],
            'type', 'veth', 'peer', 'name', cables[1], 'netns', names[1])
        for number, (name, cable) in enumerate(zip(names, cables), 1):
            run('-n', name, 'address', 'add', '10.231.0.%d/24' % number, 'dev', cable)
            run('-n', name, 'link', 'set', cable, 'up')
            run('-n', name, 'link', 'set', 'lo', 'up')
            run('netns', 'exec', name, 'true')
        yield [([ip, 'netns', 'exec', name], '10.231.0.%d' % number)
               for number, name in enumerate(names, 1)]
    finally:
        for name in names:
            subprocess.run([ip, 'netns', 'delete', name], stderr=subprocess.DEVNULL,
                           timeout=PATIENCE)


def naming_itself(host, address, folder):
    """The host, whose name stands for the address."""
    prefix, known_as = host
    names = folder / known_as
    names.write_text('%s %s\n' % (address, socket.gethostname()))
    # `ip netns exec` gives each command file systems of its own.
    return prefix + ['sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', str(names)], known_as


def train_on(hosts, words):
    """A job with one process on each of the hosts, which also are told of a proxy."""
    addresses = ','.join(address for _, address in hosts)
    with contextlib.ExitStack() as jobs:
        launchers = [jobs.enter_context(started(
            *prefix, *launcher(1, *words, hosts=addresses, host_index=index), **NO_WAY_OUT))
            for index, (prefix, _) in enumerate(hosts)]
        results = [job.wait() for job in launchers]
    assert [result.code for result in results] == [0, 0], results
    assert '[0] done: ' in results[0].output


def test_two_hosts_behind_a_proxy_train_one_model(short, straight, hosts, tmp_path):
    train_on(hosts, short + ['--batch_size=4', '--train_path=%s' % (tmp_path / 'run')])
    assert_identical(tmp_path / 'run', straight, EQUAL_STEPS)


def interrupted(command, folder, disturb, timeout):
    """What a job said whose course was disturbed once it had saved something new in its folder."""
    before = max(saved_steps(folder), default=0)
    with started(*command) as job:
        job.wait_until(lambda: max(saved_steps(folder), default=0) > before)
        disturb(job)
        result = job.wait(timeout)
        assert not job.processes()
    assert before < saved_steps(folder)[-1] < STEPS
    return result


@pytest.fixture(scope='module')
def life(tmp_path_factory):
    """The folder of the job that is killed, stalled, stopped and in the end finished."""
    return tmp_path_factory.mktemp('life') / 'run'


@pytest.fixture(scope='module')
def job_for_life(two, life):
    return launcher(2, *two, '--train_path=%s' % life)


def kill_rank_1(job):
    os.kill(job.rank(1), signal.SIGKILL)


@pytest.fixture(scope='module')
def killed(job_for_life, life):
    return interrupted(job_for_life, life, kill_rank_1, NOTICED_WITHIN)


@pytest.fixture(scope='module')
def stalled(job_for_life, life, killed):
    return interrupted(job_for_life + ['--step_timeout=%d' % STEP_TIMEOUT], life,
                       lambda job: os.kill(job.rank(1), signal.SIGSTOP), PATIENCE)


@pytest.fixture(scope='module')
def stopped(job_for_life, life, stalled):
    return interrupted(job_for_life, life, lambda job: job.send(signal.SIGTERM), PATIENCE)


def test_time_that_a_process_was_stopped_is_not_counted(child):
    script = child('''
        import time
        from sr_tf.training.watchdog import Watchdog
        with Watchdog(2, rank) as watchdog:
            watchdog.beat(1)
            print('begun', flush=True)
            time.sleep(1)
    ''')
    process = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE,
                               env=dict(os.environ, PYTHONPATH=ROOT, RANK_ID='0'))
    assert process.stdout.readline() == b'begun\n'
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    process.send_signal(signal.SIGCONT)
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0


def test_killed_rank_ends_the_job_and_is_named(killed):
    assert killed.code == 128 + signal.SIGKILL
    assert 'launch.py: rank 1 was killed by SIGKILL; ending the others\n' in killed.errors


def test_stalled_rank_makes_the_others_give_up(stalled):
    assert stalled.code == 1
    assert 'launch.py: rank 0 ended with code 1; ending the others\n' in stalled.errors
    step, = re.findall(r'\[0\] rank 0: no step has ended for %d s after step (\d+)' % STEP_TIMEOUT,
                       stalled.output)
    assert int(step) >= SAVE_FREQ


def test_sigterm_to_the_launcher_lets_rank_0_save_and_all_end(stopped, life):
    assert stopped.code == 128 + signal.SIGTERM
    assert re.search(r'\[0\] SIGTERM: saved in %s.*same command continues' % life, stopped.output)
    assert stopped.errors == ''
    assert 'error' not in stopped.output


def test_a_host_whose_fellow_is_stopped_does_not_say_that_it_is_done(two, tmp_path):
    folder = tmp_path / 'run'
    addresses = '127.0.0.1,127.0.0.1'
    with started(*launcher(1, *two, '--train_path=%s' % folder, hosts=addresses,
                           host_index=0)) as first, \
            started(*launcher(1, *two, '--train_path=%s' % folder, hosts=addresses,
                              host_index=1)) as second:
        first.wait_until(lambda: saved_steps(folder))
        second.send(signal.SIGTERM)
        results = first.wait(), second.wait()
    assert [result.code for result in results] == [128 + signal.SIGTERM] * 2
    assert re.search(r'\[0\] SIGTERM: saved in %s.*same command continues' % folder,
                     results[0].output)
    assert saved_steps(folder)[-1] < STEPS


def test_job_that_went_through_all_this_ends_with_the_same_bits(two, life, straight, stopped):
    result = launch(2, *two, '--train_path=%s' % life)
    assert result.code == 0, result
    assert_identical(life, straight, STEPS)
    assert [row['step'] for row in rows(life)] == [row['step'] for row in rows(straight)]


def test_rank_that_fails_in_a_validation_is_not_waited_for(short, photos, tmp_path):
    """The others may be on other hosts, where no launcher ends them."""
    folder = tmp_path / 'validation'
    folder.mkdir()
    first = min(photos.iterdir())
    for name in ('a.png', 'b.png'):
        shutil.copy(str(first), str(folder / name))
    with Image.open(str(first)) as image:
        Image.new('I;16', image.size).save(str(tmp_path / 'deep.png'))
    words = short + ['--batch_size=4', '--train_path=%s' % (tmp_path / 'run'), '--sleep_ratio=2',
                     '--validate_freq=10', '--valid_truth_path=%s' % folder,
                     '--step_timeout=%d' % STEP_TIMEOUT]
    addresses = ','.join('127.0.0.1:%d' % port for port in free_ports(2))
    with contextlib.ExitStack() as jobs:
        ranks = [jobs.enter_context(started(
            sys.executable, *words, RANK_ID=str(rank), RANK_SIZE='2', SR_TF_ADDRESSES=addresses))
            for rank in range(2)]
        ranks[0].wait_until((tmp_path / 'run' / 'train.csv').exists)
        os.replace(str(tmp_path / 'deep.png'), str(folder / 'b.png'))  # which rank 1 scores
        results = [rank.wait() for rank in ranks]
    assert [result.code for result in results] == [1, 1], results
    assert 'has more than 8 bits a channel' in results[1].errors
    assert saved_steps(tmp_path / 'run') == [10]


@pytest.fixture
def child(tmp_path):
    """`child('code')` is a script for launch.py to start."""
    def child(code):
        path = tmp_path / 'child.py'
        path.write_text('import json, os, signal, subprocess, sys, time\n'
                        "rank = int(os.environ['RANK_ID'])\n" + textwrap.dedent(code))
        return str(path)

    return child


TELL = 'print(json.dumps({name: os.environ.get(name) for name in %r}))' % (TOLD_BY_LAUNCHER,)


def told(result):
    """What each rank printed of its environment."""
    assert result.code == 0, result
    lines = [re.match(r'\[(\d+)\] (.*)', line).groups() for line in result.output.splitlines()]
    return [json.loads(text) for _, text in sorted(lines)]


def test_launcher_tells_each_process_who_it_is(child):
    ranks = told(launch(3, child(TELL)))
    for number, told_to in enumerate(ranks):
        assert told_to['RANK_ID'] == str(number)
        assert told_to['RANK_SIZE'] == '3'
        assert told_to['DEVICE_ID'] == told_to['ASCEND_DEVICE_ID'] == str(number)
        assert told_to['JOB_ID']
        assert told_to['SR_TF_ADDRESSES'] == ranks[0]['SR_TF_ADDRESSES']
    addresses = ranks[0]['SR_TF_ADDRESSES'].split(',')
    assert len(set(addresses)) == 3
    assert all(re.match(r'127\.0\.0\.1:\d+$', address) for address in addresses)


def test_ranks_of_several_hosts_are_counted_on(child):
    ranks = told(launch(2, child(TELL), hosts='10.0.0.1,10.0.0.2', host_index=1))
    assert [rank['RANK_ID'] for rank in ranks] == ['2', '3']
    assert [rank['DEVICE_ID'] for rank in ranks] == ['0', '1']
    assert {rank['RANK_SIZE'] for rank in ranks} == {'4'}
    assert {rank['RANK_TABLE_FILE'] for rank in ranks} == {None}
    hosts, ports = zip(*(address.split(':') for address in ranks[0]['SR_TF_ADDRESSES'].split(',')))
    assert hosts == ('10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.2')
    assert len(set(ports)) == 4


@pytest.mark.parametrize('host_index, devices', [(0, ['6', '4']), (1, ['5', '7'])])
def test_the_rank_table_says_which_device_is_whose(child, tmp_path, host_index, devices):
    table = tmp_path / 'table.json'
    table.write_text(json.dumps({'server_list': [
        {'server_id': '10.0.0.2', 'device': [{'device_id': '7', 'rank_id': '3'},
                                             {'device_id': '5', 'rank_id': '2'}]},
        {'server_id': '10.0.0.1', 'device': [{'device_id': '6', 'rank_id': '0'},
                                             {'device_id': '4', 'rank_id': '1'}]}]}))
    with started(*launcher(2, child(TELL), rank_table=os.path.relpath(str(table), ROOT),
                           hosts='10.0.0.1,10.0.0.2', host_index=host_index),
                 ASCEND_DEVICE_ID='0') as job:
        ranks = told(job.wait())
    assert [rank['DEVICE_ID'] for rank in ranks] == devices
    assert [rank['RANK_ID'] for rank in ranks] == [str(2 * host_index), str(2 * host_index + 1)]
    assert {rank['RANK_TABLE_FILE'] for rank in ranks} == {str(table)}
    assert {rank['ASCEND_DEVICE_ID'] for rank in ranks} == {None}, 'it would go before DEVICE_ID'


def test_the_rank_table_of_the_environment_counts_too(child, tmp_path):
    table = tmp_path / 'table.json'
    table.write_text(json.dumps({'server_list': [{'server_id': 'a', 'device': [
        {'device_id': str(4 + rank), 'rank_id': str(rank)} for rank in (0, 1)]}]}))
    for devices, code in ((2, 0), (1, 2)):
        with started(*launcher(devices, child(TELL)), RANK_TABLE_FILE=str(table)) as job:
            result = job.wait()
        assert result.code == code
        if code:
            assert_one_line(result, 2, 'RANK_TABLE_FILE=%s: is of 2 devices' % table)
        else:
            assert [rank['DEVICE_ID'] for rank in told(result)] == ['4', '5']


@pytest.mark.parametrize('hosts, devices, parts', [
    ('a', 2, ['is of 4 devices, not of 2 on each of 1 hosts']),
    ('10.0.0.2,10.0.0.1', 2, ['ranks 0 to 1 are those of 10.0.0.1;', 'order of its ranks']),
    ('a', 4, ['ranks 0 to 3 are those of 10.0.0.1 and 10.0.0.2;']),
])
def test_a_rank_table_of_another_job_is_refused(tmp_path, hosts, devices, parts):
    table = tmp_path / 'table.json'
    table.write_text(table_of_two_servers(devices=2))
    result = launch(devices, 'train.py', rank_table=table, hosts=hosts)
    assert_one_line(result, 2, '--rank_table=%s' % table, *parts)


@pytest.mark.parametrize('visible, expected', [
    (None, ['0', '1']), ('5,3', ['5', '3']), ('4', ['4', '4']), ('-1', ['-1', '-1'])])
def test_each_process_sees_its_own_gpu(child, visible, expected):
    given = {} if visible is None else {'CUDA_VISIBLE_DEVICES': visible}
    with started(*launcher(2, child(TELL)), **given) as job:
        ranks = told(job.wait())
    assert [rank['CUDA_VISIBLE_DEVICES'] for rank in ranks] == expected


def test_every_line_is_prefixed_also_the_last_one(child):
    result = launch(2, child(r'''
        sys.stdout.write('out %d\n' % rank)
        sys.stdout.flush()
        os.write(2, b'\xff\n')
        sys.stdout.write('no end')
    '''))
    assert result.code == 0
    lines = sorted(result.output.encode(errors='surrogateescape').splitlines())
    assert [line for line in lines if b'out' in line] == [b'[0] out 0', b'[1] out 1']
    assert [line for line in lines if b'end' in line] == [b'[0] no end', b'[1] no end']
    assert len(lines) == 6
    assert result.errors == ''


def test_job_survives_a_reader_that_has_seen_enough(child, tmp_path):
    done = tmp_path / 'done'
    script = child('''
        for line in range(20000):
            print('line', line)
        open(%r, 'w').close()
    ''' % str(done))
    pipeline = ' '.join(launcher(1, script)) + ' | head -1; exit ${PIPESTATUS[0]}'
    with started('bash', '-c', pipeline) as job:
        result = job.wait()
    assert result == Finished(0, '[0] line 0\n', '')
    assert done.exists()


def test_log_path_holds_a_log_of_each_rank(child, tmp_path):
    logs = tmp_path / 'made' / 'logs'
    for _ in range(2):
        assert launch(2, child("print('I am', rank)"), log_path=logs) == Finished(0, '', '')
    assert sorted(path.name for path in logs.iterdir()) == ['rank-0.log', 'rank-1.log']
    assert (logs / 'rank-1.log').read_text() == 'I am 1\n' * 2, 'a restart wiped the log'


def test_first_failure_ends_all_and_gives_its_code(child):
    script = child('''
        if rank == 1:
            sys.exit(7)
        subprocess.call(['sleep', '3600'])
    ''')
    with started(*launcher(3, script)) as job:
        result = job.wait(NOTICED_WITHIN)
        assert not job.processes()
    assert result.code == 7
    assert result.errors == 'launch.py: rank 1 ended with code 7; ending the others\n'


def test_rank_that_was_killed_is_named_before_one_that_failed_for_it(child, tmp_path):
    script = child("""
        os.chdir(%r)
        if rank == 1:
            os.kill(os.getppid(), signal.SIGSTOP)
            open('ended-1', 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        while not os.path.exists('ended-1'):
            time.sleep(0.01)
        open('ended-0', 'w').close()
        sys.exit(1)
    """ % str(tmp_path))
    with started(*launcher(2, script)) as job:
        # The launcher, which sleeps, finds both of them ended when it wakes.
        job.wait_until(lambda: (tmp_path / 'ended-0').exists() and len(job.processes()) == 1)
        job.send(signal.SIGCONT)
        result = job.wait()
    assert result.code == 128 + signal.SIGKILL
    assert result.errors == 'launch.py: rank 1 was killed by SIGKILL; ending the others\n'


SAVES_ON = """
    def save(*_):
        print('saved')
        sys.exit(3)
    signal.signal(%d, save)
    print('ready')
    time.sleep(3600)
"""


def wait_until_said(job, word, times):
    job.wait_until(lambda: job.said()[0].count(word) == times)


@pytest.mark.parametrize('number, passed_on', [
    (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
    (signal.SIGHUP, signal.SIGTERM)])
def test_signals_are_passed_on(child, number, passed_on):
    with started(*launcher(2, child(SAVES_ON % passed_on))) as job:
        wait_until_said(job, 'ready', 2)
        job.send(number)
        result = job.wait()
        assert not job.processes()
    assert result.code == 128 + number
    assert sorted(result.output.splitlines()[2:]) == ['[0] saved', '[1] saved']
    assert result.errors == ''


def test_ranks_save_when_the_terminal_is_closed(child, tmp_path):
    script = child("""
        def save(*_):
            for line in range(10):
                print('as long as somebody reads')
            open(os.path.join(%r, str(rank)), 'w').close()
            sys.exit(3)
        signal.signal(signal.SIGTERM, save)
        print('ready')
        time.sleep(3600)
    """ % str(tmp_path))
    words = launcher(2, script)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(words[0], words)
    said = b''
    while said.count(b'ready') < 2:
        said += os.read(terminal, 1000)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 128 + signal.SIGHUP, said
    assert (tmp_path / '0').exists() and (tmp_path / '1').exists()


def test_nohup_outlives_the_terminal(child, tmp_path):
    script = child("""
        print('ready')
        while not os.path.exists(%r):
            time.sleep(0.01)
    """ % str(tmp_path / 'go'))
    with started('nohup', *launcher(2, script)) as job:
        wait_until_said(job, 'ready', 2)
        job.send(signal.SIGHUP)
        (tmp_path / 'go').touch()
        assert job.wait().code == 0


DEAF = """
    signal.signal(signal.SIGTERM, signal.SIG_IGN if rank else signal.SIG_DFL)
    print('ready')
    time.sleep(3600)
"""


def test_rank_that_does_not_end_in_time_is_killed_and_named(child):
    with started(*launcher(2, child(DEAF), grace=0.5)) as job:
        wait_until_said(job, 'ready', 2)
        job.send(signal.SIGTERM)
        result = job.wait()
        assert not job.processes()
    assert result.code == 128 + signal.SIGTERM
    assert result.errors == ('launch.py: rank 1 did not end within 0.5 s (--grace); killing it\n')


def test_second_signal_ends_all_at_once(child):
    with started(*launcher(2, child(DEAF), grace=3600)) as job:
        wait_until_said(job, 'ready', 2)
        job.send(signal.SIGTERM)
        job.wait_until(lambda: len(job.processes()) == 2)
        job.send(signal.SIGTERM)
        result = job.wait()
        assert not job.processes()
    assert (result.code, result.errors) == (128 + signal.SIGTERM, '')


def test_ranks_do_not_outlive_a_launcher_that_is_killed(child):
    script = child("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('ready')
        time.sleep(3600)
    """)
    with started(*launcher(2, script)) as job:
        wait_until_said(job, 'ready', 2)
        job.send(signal.SIGKILL)
        job.wait()
        deadline = time.time() + NOTICED_WITHIN
        while job.processes():
            assert time.time() < deadline
            time.sleep(0.01)


def test_what_is_behind_the_dashes_is_not_for_the_launcher():
    helped = launch(2, 'train.py', '--help')
    assert (helped.code, helped.errors) == (0, '')
    for rank in range(2):
        assert '[%d] usage: python train.py' % rank in helped.output
    assert 'launch.py' not in helped.output
    assert 'usage: python launch.py' in python('launch.py', '--help', '--', 'train.py').output


def table_of_two_servers(devices):
    return json.dumps({'server_list': [
        {'server_id': '10.0.0.%d' % (server + 1),
         'device': [{'device_id': str(number), 'rank_id': str(devices * server + number)}
                    for number in range(devices)]} for server in (0, 1)]})


def rank_table(*device_ips):
    devices = [{'device_id': str(rank), 'device_ip': ip, 'rank_id': str(rank)}
               for rank, ip in enumerate(device_ips)]
    return {'version': '1.0', 'status': 'completed', 'server_count': '1',
            'server_list': [{'server_id': '127.0.0.1', 'device': devices}]}


def test_rank_table_is_printed():
    result = python('launch.py', '--make_rank_table', '--device_ips=192.168.1.8,192.168.2.8')
    assert (result.code, result.errors) == (0, '')
    assert json.loads(result.output) == rank_table('192.168.1.8', '192.168.2.8')


def test_rank_table_is_there_while_the_ranks_are(child):
    script = child("""
        path = os.environ['RANK_TABLE_FILE']
        print(json.dumps([path, json.load(open(path))]))
    """)
    told_to = told(launch(2, script, device_ips='192.168.1.8,192.168.2.8'))
    for path, table in told_to:
        assert table == rank_table('192.168.1.8', '192.168.2.8')
        assert not os.path.exists(path)


@pytest.mark.parametrize('flags, parts', [
    ([], ['--num_devices']),
    (['--num_devices=2'], ['what to start', '--num_devices=2 -- train.py']),
    (['--num_devices=0', 'train.py'], ['num_devices']),
    (['--num_devices=2', '--hosts=a,b', '--host_index=2', 'train.py'], ['=2: --hosts names 2']),
    (['--num_devices=2', '--host_index=1', 'train.py'], ['--host_index=1', '--hosts names 0']),
    (['--num_devices=2', '--rank_table=/no/table', 'train.py'], ['--rank_table=/no/table']),
    (['--num_devices=2', '--make_rank_table'], ['--device_ips', '2 devices']),
    (['--num_devices=2', '--device_ips=1.1.1.1', 'train.py'], ['--device_ips', '2 devices']),
    (['--device_ips=1.1.1.1,1.1.1.2,1.1.1.3', '--make_rank_table'], ['3', '1, 2, 4 or 8']),
    (['--device_ips=1.1.1.1', '--hosts=a,b', 'train.py'], ['--device_ips', '--rank_table']),
    (['--device_ips=1.1.1.1,1.1.1.2', '--device_ids=4', 'train.py'], ['--device_ids=4', '2 d']),
    (['--device_ips=1.1.1.1,1.1.1.2', '--device_ids=3,4', 'train.py'], ['3,4', '4 to 7']),
    (['--device_ips=1.1.1.1,1.1.1.2', '--device_ids=5,5', 'train.py'], ['5,5', 'different']),
    (['--device_ips=1.1.1.1', '--device_ids=x', 'train.py'], ['--device_ids=x', '0 to 7']),
    (['--num_devices=2', '--device_ids=4,5', 'train.py'], ['--device_ids=4,5', '--device_ips']),
])
def test_launcher_refuses_in_one_line(flags, parts):
    assert_one_line(python('launch.py', *flags), 2, *parts)


def test_command_that_does_not_exist_is_named():
    assert_one_line(launch(2, '/no/such/command'), 1, '/no/such/command')


@pytest.mark.parametrize('environment, parts', [
    ({'RANK_SIZE': '2', 'RANK_ID': '2'}, ['RANK_ID=2', 'RANK_SIZE=2']),
    ({'RANK_SIZE': '2', 'RANK_ID': '-1'}, ['RANK_ID=-1']),
    ({'RANK_SIZE': '0'}, ['RANK_SIZE=0']),
    ({'RANK_SIZE': 'two'}, ['RANK_SIZE=two']),
    ({'RANK_SIZE': '2', 'SR_TF_ADDRESSES': 'a:1'}, ['SR_TF_ADDRESSES names 1', 'RANK_SIZE is 2']),
    ({'RANK_SIZE': '2', 'SR_TF_ADDRESSES': 'a:1,b'}, ['SR_TF_ADDRESSES: b is no host:port']),
    ({'RANK_SIZE': '2', 'RANK_TABLE_FILE': '/no/table'}, ['RANK_TABLE_FILE=/no/table']),
    ({'RANK_SIZE': '2', 'RANK_TABLE_FILE': GUIDE}, ['RANK_TABLE_FILE', GUIDE, 'version 1.0']),
])
def test_bad_environment_is_named_in_one_line(short, tmp_path, environment, parts):
    result = python(*short, '--train_path=%s' % (tmp_path / 'run'), **environment)
    assert_one_line(result, 1, *parts)
    assert not (tmp_path / 'run').exists()


def test_rank_table_must_hold_all_ranks(short, tmp_path):
    table = tmp_path / 'table.json'
    table.write_text(json.dumps(rank_table('192.168.1.8', '192.168.2.8')))
    result = python(*short, '--train_path=%s' % (tmp_path / 'run'),
                    RANK_ID='3', RANK_SIZE='4', RANK_TABLE_FILE=str(table))
    assert_one_line(result, 1, table, 'names 2', 'RANK_SIZE is 4')


def test_port_that_is_taken_is_named(short, tmp_path):
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen(1)
        address = '127.0.0.1:%d' % other.getsockname()[1]
        result = python(*short, '--train_path=%s' % (tmp_path / 'run'), RANK_ID='0', RANK_SIZE='2',
                        SR_TF_ADDRESSES=address + ',127.0.0.1:1')
    assert result.code == 1
    assert 'train.py: error: rank 0: cannot listen on %s: ' % address in result.errors
    assert 'Traceback' not in result.errors


def test_hccl_is_refused_without_an_npu(short, tmp_path):
    result = python(*short, '--distributed=hccl', '--train_path=%s' % (tmp_path / 'run'),
                    RANK_ID='0', RANK_SIZE='2')
    assert_one_line(result, 2, '--distributed=hccl', 'cpu')


@pytest.fixture
def fake_horovod(tmp_path):
    """`fake_horovod('code')` is a folder with a module horovod.tensorflow."""
    def fake_horovod(code):
        package = tmp_path / 'fake' / 'horovod'
        package.mkdir(parents=True)
        (package / '__init__.py').write_text('')
        (package / 'tensorflow.py').write_text(textwrap.dedent(code))
        return str(package.parent)

    return fake_horovod


def test_horovod_that_cannot_be_imported_is_named(short, fake_horovod, tmp_path):
    path = fake_horovod("raise ImportError('no libmpi')")
    result = python(*short, '--distributed=horovod', '--train_path=%s' % (tmp_path / 'run'),
                    PYTHONPATH=path)
    assert_one_line(result, 1, '--distributed=horovod', 'no libmpi', '--distributed=tf')


def test_horovod_that_knows_of_one_process_does_not_train_several_models(
        short, fake_horovod, tmp_path):
    path = fake_horovod("""
        def init():
            return
        rank = local_rank = lambda: 0
        size = lambda: 1
    """)
    result = python(*short, '--distributed=horovod', '--train_path=%s' % (tmp_path / 'run'),
                    PYTHONPATH=path, RANK_ID='0', RANK_SIZE='2', HOROVOD_RANK='0')
    assert_one_line(result, 1, 'RANK_SIZE is 2', 'horovodrun')


def test_horovod_that_only_horovodrun_can_start_says_so(short, fake_horovod, tmp_path):
    path = fake_horovod('gloo_built = lambda: 0')
    result = python(*short, '--distributed=horovod', '--train_path=%s' % (tmp_path / 'run'),
                    PYTHONPATH=path, RANK_ID='0', RANK_SIZE='2')
    assert_one_line(result, 1, '--distributed=horovod', 'without Gloo', 'horovodrun')


@pytest.fixture(scope='module')
def horovod():
    imported = python('-c', 'import horovod.tensorflow')
    if imported.code:
        # Why CI has none is told by the one who tried to install it.
        pytest.skip(os.environ.get('SR_TF_NO_HOROVOD') or 'Horovod cannot be imported: %s'
                    % imported.errors.strip().split('\n')[-1])


HOROVODRUN = [sys.executable, '-m', 'horovod.runner.launch', '--gloo', '-np', '2',
              '-H', 'localhost:2', '--network-interfaces', 'lo', sys.executable]


@pytest.fixture(params=['launch.py', 'horovodrun'])
def with_horovod(request, horovod):
    """`with_horovod(words)` is the command of a job of two processes."""
    if request.param == 'horovodrun':
        return lambda words: HOROVODRUN + words
    return lambda words: launcher(2, *words, '--distributed=horovod')


def test_horovod_makes_the_same_model(with_horovod, short, alone, tmp_path):
    folder = tmp_path / 'run'
    command = with_horovod(short + ['--batch_size=4', '--train_path=%s' % folder])
    with started(*command, **NO_WAY_OUT) as job:
        result = job.wait()
    assert result.code == 0, result
    assert 'bsrn on 2 cpu' in result.output
    assert_same_model(folder, alone)


def test_two_hosts_train_one_model_by_horovod(horovod, short, alone, hosts, tmp_path):
    train_on([naming_itself(host, host[1], tmp_path) for host in hosts],
             short + ['--batch_size=4', '--train_path=%s' % (tmp_path / 'run'),
                      '--distributed=horovod'])
    assert_same_model(tmp_path / 'run', alone)


def test_host_that_horovod_could_not_tell_to_others_is_named(horovod, short, hosts, tmp_path):
    prefix, _ = naming_itself(hosts[0], '127.0.1.1', tmp_path)
    with started(*prefix, sys.executable, *short, '--distributed=horovod',
                 '--train_path=%s' % (tmp_path / 'run'), RANK_ID='0', RANK_SIZE='2',
                 SR_TF_ADDRESSES='10.231.0.1:29400,10.231.0.2:29400') as job:
        result = job.wait()
    assert_one_line(result, 1, '127.0.1.1', socket.gethostname(), '/etc/hosts')


def test_killed_rank_ends_the_job_of_horovod(with_horovod, two, tmp_path):
    command = with_horovod(two + ['--train_path=%s' % tmp_path])
    # horovodrun takes its time.
    result = interrupted(command, tmp_path, kill_rank_1, 3 * NOTICED_WITHIN)
    assert result.code != 0
    assert re.search(r'rank 1 was killed by SIGKILL|Process 1 exit', result.output + result.errors)


def commands_of_the_guide():
    with open(GUIDE) as file:
        blocks = re.findall(r'^```bash\n(.*?)^```', file.read(), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture
def shell(tmp_path):
    """Words for a shell to which train.py only says which flags and rank it got.

    `horovodrun` only starts its command.
    """
    (tmp_path / 'train.py').write_text(textwrap.dedent("""
        import os, sys
        sys.path.insert(0, %r)
        from absl import flags
        from sr_tf.flags import define_training
        define_training()
        print('rank', os.environ.get('RANK_ID'), 'refuses', flags.FLAGS(sys.argv)[1:])
    """) % ROOT)
    commands = {'python': 'exec %s "$@"' % sys.executable,
                'horovodrun': 'while [ "$1" != python ]; do shift; done; exec "$@"'}
    for name, script in commands.items():
        path = tmp_path / name
        path.write_text('#!/bin/bash\n%s\n' % script)
        path.chmod(0o755)
    for name in ('launch.py', 'presets'):
        (tmp_path / name).symlink_to(os.path.join(ROOT, name))
    return ['bash', '-c', 'cd %s && PATH=.:$PATH && eval "$0"' % tmp_path]


@pytest.mark.parametrize('command', commands_of_the_guide())
def test_commands_of_the_guide_are_understood(shell, command, tmp_path):
    for needed in re.findall(r'--rank_table=(\S+)', command):
        (tmp_path / needed).write_text(table_of_two_servers(devices=8))
    with started(*shell, command) as job:
        result = job.wait()
    assert (result.code, result.errors) == (0, ''), result
    output = result.output + ''.join(path.read_text() for path in tmp_path.glob('logs/*'))
    assert output.count('refuses []') == output.count('refuses')
    assert ('refuses' in output) == ('train.py' in command)

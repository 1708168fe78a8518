"""modelarts_entry.py, on an emulated NPU, with a moxing that is slow and fails at times."""
import contextlib
import filecmp
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from sr_tf.errors import UsageError, UserError
from sr_tf.jobs import data_folder, speed, stores
from sr_tf.jobs.cache import Cache
from sr_tf.jobs.mirror import Mirror

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EMULATOR = os.path.join(ROOT, 'test', 'npu_emulator')
PLATFORM = ('RANK_', 'DEVICE_ID', 'ASCEND_DEVICE_ID', 'JOB_ID', 'SR_TF_ADDRESSES')
TINY = ('--bsrn_conv_features=4', '--bsrn_state_features=5', '--bsrn_recursions=2', '--scales=2',
        '--input_patch_size=8', '--log_freq=1')
ON_CPU = TINY + ('--batch_size=2', '--chip=cpu')
ON_NPU = TINY + ('--batch_size=2', '--chip=npu')
WITH_PAUSES = ('--sleep_ratio=3', '--save_freq=20', '--upload_seconds=0.2')
COMMANDS = ('full', 'continued', 'speed', 'finer', 'test', 'profile', 'rank table', 'full on eight',
            'speed on eight', 'job', 'mounted job', 'ranks')

MOXING = '''
    """The files of a folder arrive one by one in any order, each of them whole, or some do not."""
    import itertools
    import os
    import random
    import shutil
    import time

    HOME = os.environ['FAKE_BUCKETS']
    calls = itertools.count(1)


    def place(url):
        return os.path.join(HOME, url[len('obs://'):]) if url.startswith('obs://') else url


    def exists(url):
        time.sleep(0.005)
        return os.path.exists(place(url))


    def make_dirs(url):
        os.makedirs(place(url), exist_ok=True)


    def list_directory(url, recursive=False):
        assert recursive
        return [os.path.relpath(os.path.join(folder, name), place(url))
                for folder, _, names in os.walk(place(url)) for name in names]


    def copy_parallel(src_url, dst_url):
        names = list_directory(src_url, recursive=True)
        random.shuffle(names)
        call = next(calls)
        for name in names[len(names) // 2:] if call % 3 == 1 else names[call % 6 == 2:]:
            time.sleep(0.01)
            temporary = os.path.join(HOME, '%d.tmp' % os.getpid())
            shutil.copyfile(os.path.join(place(src_url), name), temporary)
            target = os.path.join(place(dst_url), name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(temporary, target)
            if dst_url.startswith('obs://'):
                with open(os.path.join(HOME, 'arrivals'), 'a') as file:
                    file.write(name + '\\n')
        if call % 3 == 1:
            raise OSError('the connection was reset')
'''


def documented(name, places):
    """The words of a command in the guide, with other places for those that it names."""
    with open(os.path.join(ROOT, 'docs', 'modelarts.md'), encoding='utf-8') as file:
        blocks = re.findall(r'```bash\n(.*?)```', file.read(), re.DOTALL)
    lines = ''.join(blocks).splitlines()
    assert len(lines) == len(COMMANDS)
    words = shlex.split(dict(zip(COMMANDS, lines))[name])
    for old, new in dict(places, python=sys.executable).items():
        words = [re.sub(r'(?<![^=])%s$' % old, str(new), word) for word in words]
    return words


def own_environment(**variables):
    inherited = {name: value for name, value in os.environ.items()
                 if not name.startswith(PLATFORM)}
    return dict(inherited, CUDA_VISIBLE_DEVICES='-1', **variables)


def wait_until(condition, job):
    deadline = time.time() + 300
    while not condition():
        assert job.poll() is None and time.time() < deadline, job.output.read_text()
        time.sleep(0.02)


def whole_checkpoints(folder):
    return sorted((path for path in folder.glob('model.ckpt-*.index')), key=step_of)


def step_of(path):
    return int(re.search(r'-(\d+)\.', path.name).group(1))


def files_in(folder):
    """All but the lock, which is of one machine alone."""
    return sorted(set(stores.relative_files(str(folder))) - {'train.lock'})


def logged_steps(output):
    return [int(step) for step in re.findall(r'step (\d+)/\d+ x2 lr', output)]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('modelarts')


@pytest.fixture(scope='module')
def data(root, photos):
    """As DIV2K lies on disk, with three photographs to train on and one to validate on."""
    for name in ('astronaut', 'chelsea', 'coffee', 'rocket'):
        part = root / 'DIV2K' / ('DIV2K_valid_HR' if name == 'rocket' else 'DIV2K_train_HR')
        part.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(photos / (name + '.png')), str(part))
    return root / 'DIV2K'


@pytest.fixture(scope='module')
def bucket(root, data):
    (root / 'moxing').mkdir()
    (root / 'moxing' / '__init__.py').write_text('from moxing import file\n')
    (root / 'moxing' / 'file.py').write_text(textwrap.dedent(MOXING))
    shutil.copytree(str(data), str(root / 'buckets' / 'bucket' / 'DIV2K'))
    return root / 'buckets' / 'bucket'


@pytest.fixture(scope='module')
def start(root):
    """`start(words, NAME=value)` is the running job; it prints to a file, `job.output`."""
    environment = own_environment(PYTHONPATH=os.pathsep.join([str(root), EMULATOR]),
                                  FAKE_BUCKETS=str(root / 'buckets'))
    jobs = []

    def start(words, **variables):
        output = root / ('output-%d' % len(jobs))
        with open(str(output), 'w') as file:
            job = subprocess.Popen(words, cwd=ROOT, env=dict(environment, **variables),
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        job.output = output
        jobs.append(job)
        return job

    yield start
    for job in jobs:
        if job.poll() is None:
            job.kill()


@pytest.fixture(scope='module')
def finish(start):
    def finish(words, **variables):
        job = start(words, **variables)
        job.wait(timeout=300)
        return job.returncode, job.output.read_text()

    return finish


@pytest.fixture(scope='module')
def killed_at(root, bucket, start):
    """How far the bucket knows that a job had come, which then was lost without a warning."""
    job = start(documented('job', {}) + list(ON_NPU + WITH_PAUSES) + [
        '--cache_path=%s' % (root / 'node-1'), '--max_steps=100000'])
    run = bucket / 'runs' / 'bsrn'
    wait_until(lambda: len(whole_checkpoints(run)) >= 2, job)
    with open('/proc/%d/task/%d/children' % (job.pid, job.pid)) as file:
        training, = file.read().split()
    job.kill()
    job.wait()
    deadline = time.time() + 20
    while os.path.exists('/proc/' + training):
        assert time.time() < deadline, 'training outlives the job'
        time.sleep(0.02)
    return step_of(whole_checkpoints(run)[-1])


@pytest.fixture(scope='module')
def restarted(root, finish, killed_at):
    """What the same job prints on another machine, four steps before its end."""
    code, output = finish(documented('job', {}) + list(ON_NPU) + [
        '--cache_path=%s' % (root / 'node-2'), '--max_steps=%d' % (killed_at + 4)])
    assert code == 0, output
    return output


@pytest.fixture(scope='module')
def local_run(root, restarted):
    run, = (root / 'node-2').glob('run-*')
    return run


def test_a_killed_job_continues_on_another_machine(restarted, killed_at):
    assert logged_steps(restarted) == [killed_at + step for step in (1, 2, 3, 4)]


def test_there_were_mishaps(restarted):
    assert 'the connection was reset; trying again in 1 s' in restarted
    assert 'did not arrive; trying again in 2 s' in restarted


def test_nothing_is_lost(bucket, local_run, killed_at):
    names = files_in(local_run)
    assert {'train.log', 'train.csv', 'arguments.json', 'checkpoint', 'report/metrics.json',
            'model.ckpt-%d.index' % (killed_at + 4)} < set(names)
    assert filecmp.cmpfiles(str(local_run), str(bucket / 'runs' / 'bsrn'), names,
                            shallow=False) == (names, [], [])
    assert not (bucket / 'runs' / 'bsrn' / 'train.lock').exists()


def test_nobody_ever_saw_half_a_checkpoint(bucket, restarted):
    """In the order of arrival, in both jobs, an index comes after all that belongs to it."""
    arrived = (bucket.parent / 'arrivals').read_text().split()
    indexes = {name for name in arrived if name.endswith('.index')}
    assert len(indexes) > 2
    for index in indexes:
        prefix = index[:-len('index')]
        parts = {name for name in arrived[:arrived.index(index)] if name.startswith(prefix)}
        assert parts == {prefix + part for part in ('data-00000-of-00001', 'json')}


def test_it_ends_with_the_lines_of_the_platform(restarted, local_run):
    psnr = json.loads((local_run / 'report' / 'metrics.json').read_text())['results'][0]['psnr']
    images_per_second, seconds = speed.measure(str(local_run))
    lines = restarted.splitlines()[-4:]
    assert lines[:3] == ['Final Performance images/sec : %.3f' % images_per_second,
                         'Final Performance sec/step : %.6f' % seconds,
                         'Final Train Accuracy : %.4f' % psnr]
    assert re.match(r'E2E Training Duration sec : \d+$', lines[3])


def test_a_terminated_job_saves_and_uploads(root, data, start):
    """Its data is mounted, and read where it is."""
    results, cache = root / 'terminated', root / 'cache-terminated'
    job = start(documented('mounted job', {'DIV2K': data, 'results/bsrn': results}) + list(
        ON_CPU + WITH_PAUSES) + ['--cache_path=%s' % cache, '--num_gpus=1', '--undefok=num_gpus'])
    wait_until(lambda: whole_checkpoints(results), job)
    job.terminate()
    assert job.wait(timeout=120) == 128 + signal.SIGTERM
    output = job.output.read_text()
    assert ', 3 images, 300 steps, ' in output
    assert 'Final ' not in output
    local, = cache.glob('run-*')
    assert step_of(whole_checkpoints(results)[-1]) == logged_steps(output)[-1]
    assert files_in(results) == files_in(local)
    assert list(cache.glob('data-*')) == []


def test_one_of_several_ranks_uploads(root, data, finish):
    results = root / 'ranks'
    code, output = finish(documented('ranks', {'DIV2K': data, 'results/bsrn': results}) + list(
        ON_CPU) + ['--max_steps=2', '--cache_path=%s' % (root / 'cache-ranks')])
    assert code == 0, output
    assert [line.split(' : ')[0] for line in output.splitlines()[-3:]] == [
        '[0] Final Performance images/sec', '[0] Final Performance sec/step',
        '[0] E2E Training Duration sec']
    assert '[1] ' not in output
    assert [step_of(path) for path in whole_checkpoints(results)] == [2]


def test_one_of_the_processes_of_horovodrun_uploads(root, data, finish):
    """This is another one."""
    results = root / 'horovodrun'
    words = documented('mounted job', {'DIV2K': data, 'results/bsrn': results}) + list(ON_CPU)
    code, output = finish(
        words + ['--max_steps=2', '--cache_path=%s' % (root / 'cache-horovodrun'),
                 '--distributed=none', '--platform=modelarts'], HOROVOD_RANK='1', HOROVOD_SIZE='2')
    assert code == 0, output
    assert 'Final ' not in output
    assert not results.exists()


def test_the_first_of_several_ranks_scores_alone(root, data, finish):
    words = documented('mounted job', {'DIV2K': data, 'results/bsrn': root / 'first'})
    code, output = finish(
        words + list(ON_CPU) + ['--mode=acc', '--max_steps=2', '--distributed=none',
                                '--cache_path=%s' % (root / 'cache-first')],
        RANK_ID='0', RANK_SIZE='2')
    assert code == 0, output
    assert 'Final Train Accuracy : ' in output


def test_the_exit_code_is_that_of_training(root, data, finish):
    places = {'DIV2K': data, 'results/bsrn': root / 'refused'}
    code, output = finish(documented('mounted job', places) + [
        '--scales=two', '--cache_path=%s' % (root / 'cache-refused')])
    assert code == 2
    assert 'train.py: error: --scales=two: ' in output
    assert 'Final ' not in output


@pytest.mark.parametrize('flags, code, message', [
    (['--data_url=/nowhere'], 1, '--data_url=/nowhere: there is no such folder, or nothing in it'),
    (['--train_url=obs://bucket/run'], 1, '--train_url=obs://bucket/run: moxing, which reaches '),
    (['--nonsense=1'], 2, "Unknown command line flag 'nonsense'"),
    (['--data_truth_path=.', '--mode=acc'], 2, 'there are no validation images'),
    (['--train_url=run', '--train_path=run/now'], 2, '--train_url=run: would be a copy of the '),
])
def test_what_cannot_work_is_refused_before_training(run_script, photos, tmp_path, flags, code,
                                                     message):
    result = run_script('modelarts_entry.py', '--data_url=%s' % photos,
                        '--train_url=%s' % (tmp_path / 'run'), '--model=bsrn',
                        '--cache_path=%s' % (tmp_path / 'cache'), *flags)
    assert (result.returncode, result.stdout) == (code, '')
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


class Unreliable(stores.MountedFolder):
    """A folder in which some files never arrive."""

    def __init__(self, url, lost=''):
        super().__init__(url)
        self.lost = lost
        self.puts = []

    def put(self, folder):
        names = files_in(folder)
        self.puts.append(names)
        for name in names:
            if self.lost and self.lost in name:
                os.remove(os.path.join(folder, name))
        super().put(folder)


class TestMirror:
    @pytest.fixture
    def store(self, tmp_path):
        return Unreliable(str(tmp_path / 'store'))

    @pytest.fixture
    def run(self, tmp_path):
        run = tmp_path / 'run'
        self.save(run, 2)
        (run / 'train.log').write_text('one')
        return run

    @staticmethod
    def save(run, step, *suffixes):
        run.mkdir(exist_ok=True)
        for suffix in suffixes or ('data-00000-of-00001', 'meta', 'json', 'index'):
            (run / ('model.ckpt-%d.%s' % (step, suffix))).write_text('%d %s' % (step, suffix))

    def test_what_changed_is_uploaded_alone(self, run, store):
        mirror = Mirror(str(run), store)
        mirror.push()
        assert files_in(store.url) == files_in(run)
        del store.puts[:]
        mirror.push()
        assert store.puts == []
        (run / 'train.log').write_text('two lines')
        (run / 'model.ckpt-2.json').write_text('with a score')
        mirror.push()
        assert store.puts == [['model.ckpt-2.json'], ['train.log']]

    def test_a_checkpoint_waits_until_it_is_whole(self, run, store):
        self.save(run, 4, 'data-00000-of-00001', 'meta', 'json')
        (run / '.saving-123').mkdir()
        (run / '.saving-123' / 'model.ckpt-6.index').write_text('')
        Mirror(str(run), store).push()
        assert {name for name in files_in(store.url) if 'ckpt' in name} == {
            'model.ckpt-2.' + part for part in ('data-00000-of-00001', 'index', 'json', 'meta')}

    def test_an_index_waits_for_the_rest(self, run, store):
        store.lost = '.data'
        mirror = Mirror(str(run), store, pauses=(0, 0))
        with pytest.raises(UserError) as failure:
            mirror.finish()
        assert not whole_checkpoints(run.parent / 'store')
        for part in ('given up after 3 attempts', 'missing there: model.ckpt-2.data-00000-of-00001',
                     str(run)):
            assert part in str(failure.value)
        store.lost = ''
        mirror.finish()
        assert files_in(store.url) == files_in(run)

    def test_a_checkpoint_that_training_removes_meanwhile(self, run, store, monkeypatch):
        self.save(run, 4)
        copy_file = stores.copy_file

        def copy_late(source, target):
            if '-2.' in source:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(str(run / 'model.ckpt-2.index'))
            copy_file(source, target)

        monkeypatch.setattr(stores, 'copy_file', copy_late)
        Mirror(str(run), store).push()
        assert [step_of(path) for path in whole_checkpoints(run.parent / 'store')] == [4]

    def test_a_new_machine_goes_on_and_uploads_nothing_twice(self, run, store, tmp_path):
        Mirror(str(run), store).push()
        del store.puts[:]
        elsewhere = tmp_path / 'elsewhere'
        mirror = Mirror(str(elsewhere), store)
        mirror.fetch()
        assert files_in(elsewhere) == files_in(run)
        self.save(elsewhere, 4)
        mirror.push()
        assert 'model.ckpt-2.data-00000-of-00001' not in sum(store.puts, [])
        assert [step_of(path) for path in whole_checkpoints(tmp_path / 'store')] == [2, 4]

    def test_a_machine_that_is_further_keeps_what_it_has(self, run, store):
        mirror = Mirror(str(run), store)
        mirror.push()
        self.save(run, 4)
        (run / 'train.log').write_text('later')
        mirror.fetch()
        assert (run / 'train.log').read_text() == 'later'

    def test_a_machine_that_is_behind_takes_all(self, run, store, tmp_path):
        self.save(run, 4)
        Mirror(str(run), store).push()
        behind = tmp_path / 'behind'
        self.save(behind, 2)
        (behind / 'train.log').write_text('old')
        Mirror(str(behind), store).fetch()
        assert files_in(behind) == files_in(run)
        assert (behind / 'train.log').read_text() == 'one'

    def test_in_background_it_tries_again(self, run, store, capfd):
        store.lost = '.meta'
        with Mirror(str(run), store, pauses=(0.01,)).in_background(0.01):
            while len(store.puts) < 3:
                time.sleep(0.01)
            store.lost = ''
            while 'train.log' not in files_in(store.url):
                time.sleep(0.01)
        assert 'model.ckpt-2.meta did not arrive; trying again in 0.01 s' in capfd.readouterr().err


def test_data_is_copied_once(tmp_path, data, monkeypatch):
    monkeypatch.setattr(stores, 'open_store', lambda flag, url: stores.MountedFolder(str(data)))
    cache = Cache(str(tmp_path))
    folder = cache.data('data_url', 'obs://bucket/DIV2K')
    assert files_in(folder) == files_in(data)
    monkeypatch.delattr(stores, 'open_store')
    assert cache.data('data_url', 'obs://bucket/DIV2K') == folder


def make_folders(root, *folders):
    for folder in folders:
        (root / folder).mkdir(parents=True)


@pytest.mark.parametrize('folders, given, training, validation', [
    (['dataset/DIV2K/DIV2K_train_HR', 'dataset/DIV2K/DIV2K_train_LR_bicubic',
      'dataset/DIV2K/DIV2K_valid_HR'], {},
     ('div2k_loader', '{}/dataset/DIV2K/DIV2K_train_HR', '{}/dataset/DIV2K/DIV2K_train_LR_bicubic'),
     ('div2k_loader', '{}/dataset/DIV2K/DIV2K_valid_HR', None)),
    (['HR', 'LR', 'BSD100/HR', 'BSD100/LR'], {},
     ('basic_loader', '{}/HR', '{}/LR'), ('basic_loader', '{}/BSD100/HR', '{}/BSD100/LR')),
    (['train', 'valid'], {}, ('folder_loader', '{}/train', None),
     ('folder_loader', '{}/valid', None)),
    (['HR', 'LR', 'mine'], {'dataloader': 'folder_loader', 'valid_truth_path': 'mine,/else'},
     ('folder_loader', '{}/HR', None), ('folder_loader', '{}/mine,/else', None)),
    (['x', 'valid/HR'], {'data_truth_path': 'x', 'dataloader': 'folder_loader'},
     ('folder_loader', '{}/x', None), ('basic_loader', '{}/valid/HR', None)),
    (['DIV2K_train_HR', 'DIV2K_train_LR_bicubic', 'valid/HR', 'valid/LR'],
     {'degradation': 'blur-down'},
     ('div2k_loader', '{}/DIV2K_train_HR', None), ('basic_loader', '{}/valid/HR', None)),
    (['DIV2K_train_HR', 'DIV2K_train_LR_bicubic', 'DIV2K_train_LR_unknown', 'valid'],
     {'degradation': 'unknown'},
     ('div2k_loader', '{}/DIV2K_train_HR', '{}/DIV2K_train_LR_unknown'),
     ('folder_loader', '{}/valid', None)),
])
def test_what_a_folder_holds(tmp_path, folders, given, training, validation):
    make_folders(tmp_path, *folders)
    training, validation = ([value and value.format(tmp_path) for value in part]
                            for part in (training, validation))
    found = data_folder.for_training(str(tmp_path), given)
    assert [found.get(name) for name in data_folder.FLAGS] == training
    found = data_folder.for_validation(str(tmp_path), given)
    assert [found.get(name) for name in data_folder.FLAGS] == validation


def test_a_test_set_of_its_own(tmp_path):
    make_folders(tmp_path, 'HR', 'LR')
    assert data_folder.for_test(str(tmp_path), {}) == {
        'dataloader': 'basic_loader', 'data_truth_path': str(tmp_path / 'HR'),
        'data_input_path': str(tmp_path / 'LR')}


def test_a_folder_of_images_is_trained_on_but_not_validated_with(photos):
    assert data_folder.for_training(str(photos), {})['data_truth_path'] == str(photos)
    with pytest.raises(UsageError, match='--valid_truth_path'):
        data_folder.for_validation(str(photos), {})


@pytest.mark.parametrize('given', [{}, {'dataloader': 'h5_loader'}])
def test_a_folder_with_nothing_in_it(tmp_path, given):
    with pytest.raises(UsageError, match='found nothing to train on'):
        data_folder.for_training(str(tmp_path), given)


def test_the_speed_is_that_of_the_last_lines(tmp_path):
    (tmp_path / 'train.csv').write_text(
        'step,sec_per_batch,images_per_sec\n1,100,1\n' + '2,,\n3,1,10\n4,3,2\n' * 10)
    assert speed.measure(str(tmp_path)) == (pytest.approx(20 / (10 / 10 + 10 / 2)), 2)

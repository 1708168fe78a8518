"""What python -m bench measures with, and how its results are kept, printed and drawn."""
import contextlib
import glob
import json
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from PIL import Image

import bench
import models
from bench import ceiling, chart, contenders, markdown, options, regression, result, turns
from bench.result import Result, Row
from bench.worker import Worker
from sr_tf.chips import session
from sr_tf.compat import tensorflow_version
from sr_tf.errors import UserError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def measured(rows, table='trial', against=('ours',)):
    return Result(table, 'A trial', against, False, '2026-01-02',
                  {'cpu': 'a processor', 'cores': 2, 'memory': 8.0, 'flags': ['avx2']},
                  {'python': '3.7.9'}, [0.5, 1.5], rows)


def row(way, samples, unit='s', subject='net', **settings):
    return Row(subject, way, unit, samples, settings)


def test_results_come_back_as_they_were_written(tmp_path):
    path = str(tmp_path / 'new' / 'trial.json')
    written = measured([row('ours', [3.0, 1.0, 2.0], batch=8), row('theirs', [4.0], batch=8)])
    result.write(path, written)
    assert result.read(path) == written
    with open(path) as file:
        content = json.load(file)
    assert content['schema'] == 1
    assert content['rows'][0] == {'subject': 'net', 'way': 'ours', 'unit': 's', 'median': 2.0,
                                  'samples': [3.0, 1.0, 2.0], 'settings': {'batch': 8}}
    assert set(content) == {'schema', 'table', 'title', 'against', 'full', 'date', 'machine',
                            'versions', 'load', 'rows'}


@pytest.mark.parametrize('text, wrong', [
    ('{"schema": 2}', 'schema 2'), ('{}', 'is no result'), ('[]', 'is no result'),
    ('not JSON', 'is no result')])
def test_other_files_are_refused(tmp_path, text, wrong):
    (tmp_path / 'trial.json').write_text(text)
    with pytest.raises(UserError, match='trial.json: .*' + wrong):
        result.read_folder(str(tmp_path))


@pytest.mark.parametrize('unit, ours, other, expected', [
    ('s/step', 2.0, 3.0, 1.5), ('MB', 2.0, 1.0, 0.5), ('patches/s', 30.0, 20.0, 1.5),
    ('s', 0.0, 1.0, None)])
def test_a_ratio_above_1_says_that_ours_is_better(unit, ours, other, expected):
    assert result.ratio(row('theirs', [other], unit), row('ours', [ours], unit)) == expected


def test_ways_take_turns_after_a_round_that_does_not_count():
    calls = []

    def way(name):
        return lambda: calls.append(name) or len(calls)

    samples = turns.take_turns({'a': way('a'), 'b': way('b')}, rounds=2, warm_up=1)
    assert calls == ['a', 'b'] * 3
    assert samples == {'a': [3, 5], 'b': [4, 6]}


def test_turns_end_when_their_time_is_over_but_not_before_one_was_counted(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(turns.time, 'perf_counter', lambda: next(clock))
    assert turns.take_turns({'a': lambda: 1}, rounds=9, seconds=5) == {'a': [1]}
    assert turns.take_turns({'a': lambda: 1}, rounds=9, seconds=35) == {'a': [1, 1]}


def test_what_is_timed_is_called(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(turns.time, 'perf_counter', lambda: next(clock))
    given = []
    assert turns.timed(given.append, 'word')() == 2.5
    assert given == ['word']


def test_tables_are_printed_with_medians_ratios_and_settings():
    lines = markdown.table(measured([
        row('ours', [3.0, 1.0, 2.0], batch=8, threads=2), row('theirs', [5.0], batch=4, threads=2),
        row('ours', [600.0], 'patches/s', 'input', threads=2, batch=1)])).splitlines()
    assert lines[0] == '**A trial**'
    assert lines[4:7] == ['| net | ours | 2.00 s | 3 |  | batch 8 |',
                          '| net | theirs | 5.00 s | 1 | 2.50 | batch 4 |',
                          '| input | ours | 600 patches/s | 1 |  | batch 1 |']
    assert lines[2] == '|  | by | median | of | ours is better by | settings |'
    assert lines[8] == 'All: threads 2.'
    assert lines[-1] == ('2026-01-02: a processor, 2 cores, 8.0 GB (avx2); python 3.7.9; load 0.5 '
                         'before and 1.5 after.')


def test_bars_show_the_best_of_each_other_program():
    drawn = chart.bars(measured([
        row('ours mixed', [2.0]), row('ours fp32', [9.0]), row('Their fp32', [8.0]),
        row('Their bf16', [3.0]), row('Another', [1.0]), row('Broken', [0.0])],
        against=('ours mixed',)))
    assert drawn == [('net (s), Their bf16', 1.5), ('net (s), Another', 0.5)]


def test_a_chart_is_drawn_from_files(tmp_path, run_script):
    """Wins to the right of 1 in one colour, losses to the left in another, as long as they are."""
    for number, ratio in enumerate((4.0, 0.25)):
        result.write(str(tmp_path / ('%d.json' % number)),
                     measured([row('ours', [1.0]), row('theirs', [ratio])]))
    picture = tmp_path / 'chart.png'
    run_script('-m', 'bench.chart', tmp_path, picture, check=True)
    pixels = np.asarray(Image.open(str(picture)).convert('RGB')).astype(int)
    won = (pixels[..., 2] - pixels[..., 0] > 80).any(axis=0).nonzero()[0]
    lost = (pixels[..., 0] - pixels[..., 2] > 80).any(axis=0).nonzero()[0]
    assert lost.max() <= won.min()
    assert len(won) == pytest.approx(len(lost), abs=3)
    assert len(won) > pixels.shape[1] / 4


def test_results_that_compare_nothing_are_not_drawn(tmp_path, run_script):
    result.write(str(tmp_path / 'trial.json'), measured([row('ours', [1.0])]))
    drawn = run_script('-m', 'bench.chart', tmp_path, tmp_path / 'chart.png')
    assert drawn.returncode == 1
    assert drawn.stderr == ('-m bench.chart: error: %s: no result there compares anything\n'
                            % tmp_path)
    assert not (tmp_path / 'chart.png').exists()


def test_stored_results_are_shown(tmp_path, run_script):
    written = measured([row('ours', [1.0]), row('theirs', [4.0])])
    result.write(str(tmp_path / 'trial.json'), written)
    for path in (tmp_path, tmp_path / 'trial.json'):
        shown = run_script('-m', 'bench.show', path, check=True)
        assert shown.stdout == markdown.table(written) + '\n\n'


def test_each_table_is_found_and_complete():
    tables = {name: bench.find(name) for name in bench.names()}
    assert {'memory', 'prediction', 'processes', 'training', 'validation'} <= set(tables)
    assert 'result' not in tables
    assert [name for name, table in tables.items() if not bench.title(table)] == []
    assert [name for name, table in tables.items() if not table.against] == []


TINY = contenders.Case('srcnn', 2, 1, 8)


def test_our_steps_are_timed_by_a_process_of_their_own(monkeypatch):
    monkeypatch.setattr(contenders, 'SECONDS_A_TURN', 0)
    with contextlib.ExitStack() as stack:
        contender = contenders.ours(stack, TINY, 'fp32')
        assert contender() > 0
        worker = stack.enter_context(Worker(sys.executable, 'bench.our_step'))
        assert worker.ask(**dict(TINY._asdict(), precision='fp32', recompute=True)) == {}
        answer = worker.ask(steps=3)
        assert len(answer['seconds']) == 3
        assert 0 < answer['grew'] < answer['peak'] < 8e9


def test_a_worker_that_fails_says_why_in_one_line():
    with Worker(sys.executable, 'bench.our_step') as worker, \
            pytest.raises(UserError, match='^bench.our_step: ended: .*model=none: no such model'):
        worker.ask(network='none', scale=2)


def test_pytorch_trains_each_network():
    worker = pytest.importorskip('bench.pytorch.worker')
    for name in models.names():
        step = worker.training_step(
            name, scale=2, batch=1, patch=6, precision='fp32', loss='l1', learning_rate=1e-4,
            adam_epsilon=1e-8, channels_last=True, compiled=False, threads=1)
        first = step()
        assert min(step() for _ in range(5)) < first


class FakeContender:
    """Takes so many seconds, as it says, and counts how often it was asked."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.turns = 0

    def __call__(self):
        self.turns += 1
        return self.seconds


def test_the_best_of_pytorch_takes_turns_with_ours(monkeypatch):
    training = bench.find('training')
    Peer = contenders.Peer
    peers = {Peer('bf16', False, True): 2.0, Peer('bf16', True, True): 1.9,
             Peer('bf16', False, False): 9.0, Peer('fp32', False, True): 4.0,
             Peer('fp32', True, True): None}
    made = {}

    def pytorch(stack, case, peer, python):
        if peers[peer] is None:
            raise UserError('no compiler')
        return made.setdefault(peer, FakeContender(peers[peer]))

    monkeypatch.setattr(training, 'our_precisions', lambda: ['mixed', 'fp32'])
    monkeypatch.setattr(training, 'ours', lambda stack, case, precision: made.setdefault(
        precision, FakeContender({'mixed': 1.0, 'fp32': 3.0}[precision])))
    monkeypatch.setattr(training, 'pytorch', pytorch)
    rows = {row.way: row for row in training.steps(TINY, peers, 'python')}
    assert {way: len(row.samples) for way, row in rows.items()} == {
        'sr-tf mixed': 5, 'sr-tf fp32': 5, 'PyTorch bf16': 5, 'PyTorch fp32': 5,
        'PyTorch bf16, eager, channels_last': 2, 'PyTorch bf16, eager, contiguous': 2}
    assert rows['PyTorch bf16'].samples == [1.9] * 5
    assert rows['PyTorch bf16'].settings['mode'] == 'compiled'
    assert {row.subject for row in rows.values()} == {'srcnn x2'}
    assert {contender.turns for contender in made.values()} == {5, 7, 2}


def test_without_pytorch_only_ours_is_timed(monkeypatch):
    training = bench.find('training')
    monkeypatch.setattr(training, 'our_precisions', lambda: ['fp32'])
    monkeypatch.setattr(training, 'ours', lambda *_: FakeContender(1.0))
    assert [row.way for row in training.steps(TINY, training.PEERS, None)] == [
        'sr-tf fp32']


def test_a_step_is_six_operations_for_each_multiplication_of_the_network():
    of_place = 64 * 81 + 64 * 32 * 25 + 32 * 25
    operations = bench.find('training').operations
    assert operations(contenders.Case('srcnn', 2, 3, 7)) == 6 * of_place * 7 * 7 * 3
    assert operations(contenders.Case('wdsr', 2, 5, 10)) == 5 * 100 * 6 * models.find('wdsr')(
        [2]).multiply_adds(2, 1, 1)


def test_a_machine_without_bfloat16_trains_in_fp32_alone(monkeypatch):
    monkeypatch.setattr(session, '_processor_flags', lambda: set())
    assert contenders.our_precisions() == ['fp32']


def test_the_ceiling_is_counted_in_operations_a_second(monkeypatch):
    for name, value in (('BATCH', 1), ('SIDE', 6), ('FEATURES', 8), ('RUNS', 2)):
        monkeypatch.setattr(ceiling, name, value)
    monkeypatch.setattr(ceiling, '_timed', lambda session, operation: 0.5)
    assert ceiling.samples('fp32') == [8 * 2 * 36 * 9 * 64 / 0.5 / 1e12] * 2


def test_memory_stands_beside_seconds(monkeypatch):
    memory = bench.find('memory')

    def contender(*_):
        fake = FakeContender(2.0)
        fake.answer = {'peak': 3e9, 'grew': 2e9}
        return fake

    monkeypatch.setattr(memory, 'our_precisions', lambda: ['mixed', 'fp32'])
    monkeypatch.setattr(memory, 'ours', contender)
    monkeypatch.setattr(memory, 'peers', lambda *_: {'PyTorch bf16': contender()})
    rows = list(memory.rows(False))
    ways = ['sr-tf mixed', 'sr-tf mixed, recompute', 'sr-tf fp32', 'sr-tf fp32, recompute',
            'PyTorch bf16']
    assert [(row.way, row.unit) for row in rows] == [
        (way, unit) for unit in ('MB', 's/step') for way in ways]
    assert rows[0].samples == [3000.0]
    assert rows[0].settings['of it for the network'] == '2000 MB'
    assert rows[-1].samples == [2.0] * 3


def test_an_unknown_table_is_refused(run_script):
    refused = run_script('-m', 'bench', 'nosuch')
    assert refused.returncode == 2
    assert refused.stderr.startswith('-m bench: error: nosuch: no such table; there are ')


def documented():
    """The words behind `-m bench` in each command of the documentation that measures."""
    for page in sorted(glob.glob(os.path.join(ROOT, 'docs', '*.md'))):
        with open(page, encoding='utf-8') as file:
            for words in re.findall(r'^(?:python -m bench|\./run bench)( [^#\n]*)?$|'
                                    r'^(?:python -m bench|\./run bench)( [^#\n]*)#.*$',
                                    file.read(), re.M):
                yield os.path.basename(page), ''.join(words).strip()


@pytest.mark.parametrize('page, words', sorted(set(documented())))
def test_documented_commands_parse_and_name_tables(page, words, no_flags):
    options.define()
    assert set(flags.FLAGS(['bench'] + shlex.split(words))[1:]) <= set(bench.names())


def test_each_table_has_a_section_with_its_command():
    commands = {words.split()[0] for page, words in documented()
                if page == 'performance.md' and words and not words.startswith('-')}
    assert commands == set(bench.names())


def test_run_passes_its_arguments_on(tmp_path):
    """With a finished environment whose Python only says what it was asked for."""
    python = tmp_path / 'bin' / 'python'
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    checksum = subprocess.check_output('cksum <requirements.txt', shell=True, cwd=ROOT).decode()
    (tmp_path / '.installed').write_text('python 3.11, requirements %s' % checksum)
    environment = dict(os.environ, VENV=str(tmp_path))
    environment.pop('PYTHON', None)
    said = subprocess.check_output(['./run', 'bench', 'input', '--full', '--torch_python=a b'],
                                   cwd=ROOT, env=environment, text=True)
    assert said == '-m bench input --full --torch_python=a b\n'
    assert '\n  bench ' in subprocess.check_output(['./run', 'help'], cwd=ROOT,
                                                   text=True)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason='needs two cores')
def test_a_second_process_is_measured(monkeypatch, tmp_path):
    """With a tiny network; two processes have to see more than none, and average all weights."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    case = bench.find('processes').Case('srcnn x2', 2, 13, ['--model=srcnn'])
    rows = list(bench.find('processes').measured(case, steps=5, rounds=1))
    assert [(row.subject, row.way, row.unit) for row in rows][:3] == [
        ('srcnn x2, 2 patches of 13', way, 'patches/s')
        for way in ('one', 'two, each for itself', 'two, one model')]
    assert rows[-1].subject == 'the sum of 57283 floats alone'
    assert len(rows[-1].samples) == 50
    assert all(0 < sample < 1e6 for row in rows for sample in row.samples)


def test_what_fails_says_why(monkeypatch):
    monkeypatch.chdir(ROOT)
    processes = bench.find('processes')
    case = processes.Case('srcnn', 2, 13, ['--model=srcnn', '--loss=nosuch'])
    with pytest.raises(UserError, match='train.py failed: .*--loss=nosuch'):
        list(processes.measured(case, steps=5, rounds=1))


def test_predictions_are_measured_by_what_is_there(tmp_path):
    import models
    from bench import untrained
    prediction = bench.find('prediction')
    prefix = untrained.write_run(str(tmp_path / 'run'), models.find('wdsr')((2,), num_blocks=1))
    ways = {way: prediction.WAYS[way] for way in ('sr-tf fp32', 'sr-tf auto')}
    rows = list(prediction.measured(prefix, ways, side=16, rounds=2))
    assert [(row.subject, row.way, len(row.samples)) for row in rows] == [
        ('wdsr x2', way, 2) for way in ways]
    assert {'sr-tf fp32'} <= set(prediction.available())




FAKE = """
import os, sys, time
given = dict(word[2:].split('=', 1) for word in sys.argv[1:])
if {fails}:
    sys.exit('out of order')
if sys.argv[0] == 'train.py':
    os.makedirs(given['train_path'])
    with open(given['train_path'] + '/train.csv', 'w') as file:
        file.write('step,sec_per_batch\\n')
        for step in range(1, int(given['max_steps']) + 1):
            file.write('%d,%s\\n' % (step, 9.0 if step <= 5 else {seconds}))
else:
    os.makedirs(given['output_path'])
    now = time.time()
    for number, name in enumerate(sorted(os.listdir(given['input_path']))):
        path = os.path.join(given['output_path'], name)
        open(path, 'w').close()
        os.utime(path, (now, now + {seconds} * number))
"""


def fake_tree(folder, seconds, fails=False):
    """Scripts that take so long for a step and for a picture, or say that they do."""
    folder.mkdir()
    for name in ('train.py', 'predict.py'):
        (folder / name).write_text(FAKE.format(seconds=seconds, fails=fails))
    return str(folder)


def test_a_slower_commit_is_told_loudly(tmp_path, capsys):
    old, new = fake_tree(tmp_path / 'old', 0.2), fake_tree(tmp_path / 'new', 0.25)
    for number, (before, after) in enumerate([(old, new), (new, old)]):
        regression.compare('v1', before, after, str(tmp_path / str(number)), rounds=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(regression.CASES)
    slower, faster = lines[:len(regression.CASES)], lines[len(regression.CASES):]
    for case, loud, calm in zip(regression.CASES, slower, faster):
        said = case.name + ' takes %s times as long as in v1: %s s, then %s s, medians of 2'
        assert loud == 'SLOWER: ' + said % ('1.25', '0.2000', '0.2500')
        assert calm == said % ('0.80', '0.2500', '0.2000')


def test_a_commit_that_cannot_run_any_more_is_no_failure_but_this_one_is(tmp_path, capsys):
    works = fake_tree(tmp_path / 'works', 0.2)
    fails = fake_tree(tmp_path / 'fails', 0.2, fails=True)
    regression.compare('v1', fails, works, str(tmp_path / 'a'), rounds=1)
    lines = capsys.readouterr().out.splitlines()
    assert [': nothing to compare with: ' in line and 'out of order' in line
            for line in lines] == [True] * len(regression.CASES)
    with pytest.raises(UserError, match='train.py in .*fails failed: out of order'):
        regression.compare('v1', works, fails, str(tmp_path / 'b'), rounds=1)


def test_the_previous_release_is_the_newest_tag_or_else_the_commit_before(tmp_path):
    def git(*words):
        return subprocess.check_output(
            ('git', '-c', 'user.name=a', '-c', 'user.email=a@b') + words, cwd=str(tmp_path),
            text=True).strip()

    def commit(text):
        (tmp_path / 'file').write_text(text)
        git('add', 'file')
        git('commit', '-q', '-m', text)
        return git('rev-parse', '--short', 'HEAD')

    git('init', '-q')
    first = commit('first')
    assert regression.previous(str(tmp_path)) is None
    commit('second')
    assert regression.previous(str(tmp_path)) == first
    git('tag', 'v0.1')
    assert regression.previous(str(tmp_path)) == first
    commit('third')
    git('tag', 'v0.2')
    assert regression.previous(str(tmp_path)) == 'v0.1'
    commit('fourth')
    assert regression.previous(str(tmp_path)) == 'v0.2'
    apart = tmp_path / 'apart'
    apart.mkdir()
    tree = regression.extracted(str(tmp_path), 'v0.1', str(apart))
    with open(os.path.join(tree, 'file')) as file:
        assert file.read() == 'second'


def test_other_versions_of_tensorflow_are_measured(monkeypatch):
    """The present one under another name, with a tiny network."""
    versions = bench.find('versions')
    monkeypatch.chdir(ROOT)
    name = versions.version(sys.executable)
    assert name == 'tensorflow==' + tensorflow_version()
    rows = list(versions.measured({name: sys.executable}, versions.Case('srcnn', 2, 13, 16), 1))
    assert [(row.subject, row.way, row.unit) for row in rows] == [
        (subject, way, unit)
        for subject, unit in (('a step of srcnn x2', 's/step'), ('a picture by srcnn x2', 's'))
        for way in ('this TensorFlow', name)]
    assert all(0 < row.samples[0] < 60 for row in rows)

"""That the table of what grows would see it, and that its curve shows it."""
import csv
import statistics

import numpy as np
import pytest
from PIL import Image

from bench import result, steady
from bench.result import Result, Row
from sr_tf.errors import UserError

LEAKING = """
import os, sys, time
given = dict(word[2:].split('=', 1) for word in sys.argv[1:])
steps, log_freq = int(given['max_steps']), int(given['log_freq'])
leaked = []
os.makedirs(given['train_path'])
with open(given['train_path'] + '/train.csv', 'w') as file:
    file.write('step,sec_per_batch,psnr\\n')
    for step in range(log_freq, steps + 1, log_freq):
        leaked.append(b'x' * 5000000)
        until = time.process_time() + step / 1000
        while time.process_time() < until:
            pass
        print('step %d/%d x2 sec/batch %.3f' % (step, steps, step), flush=True)
        time.sleep(0.05)
        until = time.process_time() + 0.1  # of a validation, which does not count
        while time.process_time() < until:
            pass
        print('step %d/%d validation PSNR 30 dB' % (step, steps), flush=True)
        file.write('%d,%d,\\n%d,,30\\n' % (step, step, step))
        time.sleep(0.05)
sys.exit(int(given['save_freq']) == 1)
"""


@pytest.fixture
def leaking(tmp_path, monkeypatch):
    """A train.py that holds 5 MB more at each report, and computes longer for it.

    Its log says that a step takes as many seconds as its number.
    """
    pytest.importorskip('skimage')
    (tmp_path / 'train.py').write_text(LEAKING)
    monkeypatch.setattr(steady, 'ROOT', str(tmp_path))


def test_what_grows_is_seen(leaking, tmp_path):
    rows = list(steady.measured(steady.Case(40, 2, 2), str(tmp_path)))
    assert [(row.way, row.unit) for row in rows] == [
        ('tenth %d' % number, unit) for unit in ('MB', 's/step', 'processor s/step')
        for number in range(1, 11)]
    grown = result.median(rows[9]) - result.median(rows[0])
    assert grown == pytest.approx(18 * 5, abs=12)
    assert [rows[number].samples for number in (10, 19)] == [[2, 4], [38, 40]]
    assert [result.ratio(rows[first + 1], rows[first + 9]) < 0.8 for first in (0, 10, 20)] == [
        True] * 3
    assert result.median(rows[29]) == pytest.approx(39 / 1000 / 2, abs=0.015)
    assert rows[0].settings['validations'] == 20


def test_a_training_that_fails_is_no_row(leaking, tmp_path):
    with pytest.raises(UserError, match='train.py failed'):
        next(steady.measured(steady.Case(4, 2, 1), str(tmp_path)))


def test_a_training_is_looked_at_while_it_saves_and_validates(tmp_path):
    pytest.importorskip('skimage')
    rows = list(steady.measured(steady.Case(40, 2, 10), str(tmp_path)))
    held, seconds, computed = (
        [sample for row in rows if row.unit == unit for sample in row.samples]
        for unit in ('MB', 's/step', 'processor s/step'))
    assert len(held) in (19, 20)  # It may end before its last line is seen.
    assert 100 < min(held) <= max(held) < 4000
    assert len(seconds) == 20
    assert 0 < statistics.median(seconds) < 1
    assert len(computed) == len(held)
    assert 0 < statistics.median(computed) < 1
    run = tmp_path / 'run'
    with open(str(run / 'train.csv')) as file:
        assert [row['step'] for row in csv.DictReader(file) if row['psnr']] == [
            '10', '20', '30', '40']
    assert sorted(path.name for path in run.glob('model.ckpt-*.index')) == [
        'model.ckpt-%d.index' % step for step in (20, 30, 40)]


def test_a_curve_goes_up_where_samples_do(tmp_path, run_script):
    """Its height is that of the samples above 0, and what another program slowed is cut off."""
    rising = [Row('net', 'tenth 1', 'MB', [100.0] * 50, {'steps': 9}),
              Row('net', 'tenth 2', 'MB', [200.0] * 49 + [9000.0], {'steps': 9})]
    result.write(str(tmp_path / 'steady.json'), Result(
        'steady', 'A trial', ('tenth 2',), False, '2026-01-02', {
            'cpu': 'a processor', 'cores': 2, 'memory': 8.0, 'flags': []}, {}, [0.5, 1.5], rising))
    picture = tmp_path / 'new' / 'curve.png'
    run_script('-m', 'bench.curve', tmp_path / 'steady.json', picture, check=True)
    pixels = np.asarray(Image.open(str(picture)).convert('RGB')).astype(int)
    is_line = pixels[..., 2] - pixels[..., 0] > 80
    across = is_line.any(axis=0).nonzero()[0]

    def height(share):
        return is_line[:, across[int(share * (len(across) - 1))]].nonzero()[0].mean()

    assert height(0.1) == height(0.4) > height(0.6) == height(0.9)
    lowest, highest = (is_line.any(axis=1).nonzero()[0][end] for end in (-1, 0))
    assert (lowest - height(0.9)) == pytest.approx((lowest - highest) / 3.5, abs=2)


def test_a_curve_needs_a_result_and_a_picture(run_script):
    refused = run_script('-m', 'bench.curve', 'steady.json')
    assert refused.returncode == 2
    assert 'name the file of a result' in refused.stderr

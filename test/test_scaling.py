"""What bench.scaling measures, as the guide says to call it, but with a tiny network."""
import os
import re
import shlex

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SRCNN_PARAMETERS = 57281


def documented():
    """The words of the first command in the guide."""
    with open(os.path.join(ROOT, 'docs', 'several-devices.md'), encoding='utf-8') as file:
        line = re.findall(r'^    python (-m bench\.scaling .*)$', file.read(), re.M)[0]
    return shlex.split(line)


@pytest.mark.skipif(not {0, 1} <= os.sched_getaffinity(0), reason='needs the cores 0 and 1')
def test_a_second_process_is_measured(run_script, photos):
    words = documented()
    end = words.index('--')
    result = run_script(*words[:end], '--rounds=1', '--steps=5', *words[end:],
                        '--model=srcnn', '--input_patch_size=13', '--dataloader=folder_loader',
                        '--data_truth_path=%s' % photos, check=True)
    rows = dict(re.findall(r'^  (.*?) +([\d.]+) s$', result.stdout, re.M))
    assert list(rows) == ['one process', 'two, each for itself', 'two, one model']
    efficiency, = re.findall(r'efficiency ([\d.]+) %', result.stdout)
    one, _, together = map(float, rows.values())
    assert float(efficiency) == pytest.approx(100 * one / together, rel=0.05)
    size, alone = re.findall(r'a step: (\d+) bytes, which alone takes ([\d.]+) s', result.stdout)[0]
    assert int(size) == 4 * (SRCNN_PARAMETERS + 2)
    assert float(alone) > 0


def test_what_fails_says_why(run_script):
    result = run_script('-m', 'bench.scaling', '--', 'train.py', '--model=srcnn', '--scales=two')
    assert result.returncode == 1
    assert 'scaling.py: error: train.py failed: ' in result.stderr
    assert '--scales=two' in result.stderr

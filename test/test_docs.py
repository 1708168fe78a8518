"""The commands in README.md, CONTRIBUTING.md, docs/ and weights/: scripts and flags parse."""
import glob
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from absl import flags
from PIL import Image

import prepare
from sr_tf import flags as definitions

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = sorted(glob.glob(os.path.join(ROOT, '*.md'))
               + glob.glob(os.path.join(ROOT, 'docs', '*.md'))
               + glob.glob(os.path.join(ROOT, 'weights', '*.md')))
DEFINITIONS = {
    'train.py': definitions.define_training,
    'validate.py': definitions.define_scoring,
    'predict.py': definitions.define_prediction,
    'prepare.py': definitions.define_preparation,
    'import_weights.py': definitions.define_import,
    'export.py': definitions.define_export,
}


def commands():
    for page in PAGES:
        with open(page, encoding='utf-8') as file:
            text = file.read().replace('\\\n', ' ')
        # Alone, or after a launcher or variables of the environment.
        before = r'^ *(?:`?|.*-- |[A-Zh].*(?= python))(?: ?python )?'
        scripts = '|'.join(map(re.escape, DEFINITIONS))
        for line in re.findall(before + r'((?:%s) [^`#\n>|]*)' % scripts, text, re.M):
            yield os.path.relpath(page, ROOT), line.strip()


COMMANDS = sorted(set(commands()))


def test_there_are_commands_in_the_readme():
    assert sum(page == 'README.md' for page, _ in COMMANDS) >= 8


@pytest.mark.parametrize('page, command', COMMANDS)
def test_documented_flags_exist(page, command, no_flags, monkeypatch):
    monkeypatch.chdir(ROOT)
    script, *words = shlex.split(command)
    DEFINITIONS[script]()
    left = flags.FLAGS([script] + words)[1:]
    if script == 'train.py' and flags.FLAGS['train_path'].present:
        assert flags.FLAGS.data_truth_path or flags.FLAGS.dataloader == 'demo_loader', command
    known = prepare.COMMANDS if script == 'prepare.py' else ()
    assert len(left) == bool(known) and set(left) <= set(known), '%s: %s' % (page, command)


# What ./run demo does, without a new virtual environment, and with little training.
SHORT_DEMO = """
source ./run help >help.txt
install() { :; }
show_and_run() {
    [[ $2 != train.py ]] || set -- "$@" --max_steps=2 --validate_freq=2
    "$@"
}
demo
"""


@pytest.mark.slow
def test_the_demo(tmp_path):
    for name in ('run', 'requirements.txt', 'presets', 'predict.py', 'train.py', 'validate.py'):
        (tmp_path / name).symlink_to(os.path.join(ROOT, name))
    if not glob.glob(os.path.join(sys.prefix, 'lib', 'python*', 'site-packages', 'skimage')):
        pytest.skip('needs the photographs of scikit-image')
    result = subprocess.run(
        ['bash', '-c', SHORT_DEMO], cwd=str(tmp_path), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, VENV=sys.prefix, CUDA_VISIBLE_DEVICES='-1',
                 XDG_CACHE_HOME=str(tmp_path / 'cache')))
    assert result.returncode == 0, result.stdout + result.stderr
    demo = tmp_path / 'demo'
    assert result.stdout.splitlines()[-1] == str(demo / 'report' / 'report.html')
    assert (demo / 'report' / 'report.html').exists()
    assert Image.open(str(demo / 'chelsea_x2.png')).size == (902, 600)
    assert (demo / 'run' / 'best').is_dir()
    metrics = json.loads((demo / 'report' / 'metrics.json').read_text())
    assert [run['name'] for run in metrics['runs']] == ['run/best', 'wdsr']
    assert {entry['name'] for entry in metrics['comparisons']} == {'wdsr'}
    assert len(list((demo / 'pictures').rglob('wdsr/**/*.png'))) >= 3


@pytest.mark.parametrize('preset', sorted(glob.glob(os.path.join(ROOT, 'presets', '**', '*.flags'),
                                                    recursive=True)))
def test_presets_parse_and_name_a_model(preset, no_flags):
    definitions.define_training()
    flags.FLAGS(['train.py', '--flagfile=' + preset])
    assert flags.FLAGS.model and importlib.util.find_spec('models.' + flags.FLAGS.model)


@pytest.mark.parametrize('name', ['bsrn', 'rcan', 'rdn', 'srcnn', 'wdsr'])
def test_a_preset_is_what_the_model_was_published_with(name, no_flags):
    import models
    definitions.define_training()
    flags.FLAGS(['train.py', '--flagfile=' + os.path.join(ROOT, 'presets', name + '.flags')])
    recipe = definitions.recipe(models.find(name))
    published = dict(definitions.RECIPE, **models.find(name).recipe)
    assert recipe == published


@pytest.mark.parametrize('name', ['bsrn', 'rcan', 'rdn', 'srcnn', 'wdsr'])
@pytest.mark.parametrize('flag, steps', [('max_steps=7', 7), ('num_epochs=1', 1)])
def test_flags_after_a_preset_say_how_long_to_train(name, flag, steps, no_flags):
    import models
    definitions.define_training()
    preset = os.path.join(ROOT, 'presets', name + '.flags')
    flags.FLAGS(['train.py', '--flagfile=' + preset, '--' + flag])
    assert definitions.in_steps(definitions.recipe(models.find(name)), 3)['max_steps'] == steps


def test_nothing_is_left_to_be_filled_in():
    for page in PAGES:
        with open(page, encoding='utf-8') as file:
            assert not re.findall(r'@[A-Z]+@|TODO|TBD', file.read()), page


def test_links_lead_somewhere():
    for page in PAGES:
        with open(page, encoding='utf-8') as file:
            for target in re.findall(r'\]\(([^)#:]+)\)', file.read()):
                assert os.path.exists(os.path.join(os.path.dirname(page), target)), (page, target)

"""The commands in README.md, CONTRIBUTING.md, docs/ and weights/: scripts and flags parse."""
import glob
import importlib.util
import os
import re
import shlex

import pytest
from absl import flags

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
    known = ('lr', 'crops', 'tfrecord', 'h5', 'pack', 'inspect') if script == 'prepare.py' else ()
    assert set(left) <= set(known), '%s: %s' % (page, command)


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

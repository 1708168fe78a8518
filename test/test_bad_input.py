"""What users get wrong: one clear line, exit code 1 or 2, no traceback, and nothing lost."""
import glob
import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_tf.compat import tf
from sr_tf.images import resize
from sr_tf.images.files import read_rgb

FAILURE, USAGE = 1, 2
DATA = '.data-00000-of-00001'
GIT_LFS_POINTER = ('version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 30820\n'
                   % (64 * '0'))
TINY = ('--model=bsrn', '--bsrn_conv_features=4', '--bsrn_state_features=4', '--bsrn_recursions=1',
        '--scales=2', '--batch_size=2', '--input_patch_size=4', '--chip=cpu')


def picture(height, width, channels=3):
    random = np.random.RandomState(height + width)
    return random.randint(0, 256, (height, width, channels)).astype(np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(str(path))


def truncate(path, size):
    assert os.path.getsize(str(path)) > size
    os.truncate(str(path), size)


@pytest.fixture
def images(tmp_path):
    """HR/a.png and HR/b.png beside LR/x2/a.png and LR/x2/b.png."""
    folder = tmp_path / 'images'
    for name in ('a.png', 'b.png'):
        save(folder / 'HR' / name, picture(24, 26))
        save(folder / 'LR' / 'x2' / name, picture(12, 13))
    return folder


@pytest.fixture(scope='module')
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp('photo') / 'good.png'
    save(path, picture(24, 26))
    return path


@pytest.fixture(scope='module')
def trained(run_script, photo, tmp_path_factory):
    """The folder of a run that has ended after two steps."""
    folder = tmp_path_factory.mktemp('trained') / 'run'
    run_script(*training(photo.parent, folder), check=True)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it, to be spoilt."""
    shutil.copytree(str(trained), str(tmp_path / 'run'))
    return tmp_path / 'run'


@pytest.fixture(scope='module')
def alien(tmp_path_factory):
    """A checkpoint of a network that is none of ours."""
    prefix = str(tmp_path_factory.mktemp('alien') / 'alien.ckpt')
    with tf.Graph().as_default(), tf.Session() as session:
        kernel = tf.get_variable('encoder/kernel', [3, 3, 3, 8])
        session.run(kernel.initializer)
        tf.train.Saver([kernel]).save(session, prefix, write_meta_graph=False)
    return prefix


def training(photos, folder, *more):
    return ('train.py',) + TINY + (
        '--dataloader=folder_loader', '--data_truth_path=%s' % photos, '--max_steps=2',
        '--train_path=%s' % folder) + more


def training_on(images, folder):
    """On a set with HR and LR images, and with its pack beside it."""
    return ('train.py',) + TINY + (
        '--data_truth_path=%s' % (images / 'HR'), '--data_input_path=%s' % (images / 'LR'),
        '--max_steps=2', '--train_path=%s' % folder, '--pack_path=%s' % (folder.parent / 'packs'))


def enlarging(source, target, restore_path):
    return ('predict.py', '--input_path=%s' % source, '--output_path=%s' % target,
            '--restore_path=%s' % restore_path, '--chip=cpu')


def scoring(photos, restore_path, *more):
    return ('validate.py', '--dataloader=folder_loader', '--data_truth_path=%s' % photos,
            '--restore_path=%s' % restore_path, '--chip=cpu') + more


def contents(folder):
    """Maps the paths of all files below a folder to what is in them."""
    return {str(path.relative_to(str(folder))): path.read_bytes()
            for path in Path(str(folder)).rglob('*') if path.is_file()}


def checkpoints(run):
    return {name: data for name, data in contents(run).items() if name.startswith('model.ckpt')}


def refused(result, code, *words):
    """The single line on stderr, which holds all the words and is no surprise to the program."""
    assert result.returncode == code, result.stderr
    assert 'Traceback' not in result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert '--debug shows where' not in lines[0]
    for word in words:
        assert str(word) in lines[0]
    return lines[0]


def debugged(result, code, line):
    """With --debug the same line comes after a traceback."""
    assert result.returncode == code
    assert 'Traceback (most recent call last)' in result.stderr
    assert result.stderr.splitlines()[-1] == line


# What is done to the images, and what the line must say.
SPOILED_IMAGES = {
    'none': (
        lambda images: [path.unlink() for path in images.rglob('*.png')],
        ('HR', 'no images found', '--data_truth_path')),
    'LR missing': (
        lambda images: (images / 'LR/x2/b.png').unlink(),
        ('HR/b.png', 'x2 low-resolution image is missing', 'prepare.py lr')),
    'HR missing': (
        lambda images: (images / 'HR/b.png').unlink(),
        ('LR/x2/b.png', 'no high-resolution image')),
    'LR folder missing': (
        lambda images: shutil.rmtree(str(images / 'LR/x2')),
        ('LR/x2', 'no such folder')),
    'sizes do not match': (
        lambda images: save(images / 'LR/x2/b.png', picture(12, 12)),
        ('LR/x2/b.png', '12x12', 'HR/b.png', '26x24', '13x12')),
    'smaller than a patch': (
        lambda images: [save(images / 'HR/b.png', picture(9, 6)),
                        save(images / 'LR/x2/b.png', picture(4, 3))],
        ('b: is 3x4', 'patches of 4', '--input_patch_size=3')),
    'PNG truncated': (
        lambda images: truncate(images / 'HR/b.png', 700),
        ('HR/b.png', 'truncated')),
    'LR truncated': (
        lambda images: truncate(images / 'LR/x2/b.png', 300),
        ('LR/x2/b.png', 'truncated')),
    'text named PNG': (
        lambda images: (images / 'HR/b.png').write_text('not a picture'),
        ('HR/b.png', 'not an image')),
    'empty file': (
        lambda images: (images / 'HR/b.png').write_bytes(b''),
        ('HR/b.png', 'not an image')),
    'git-lfs pointer': (
        lambda images: (images / 'HR/b.png').write_text(GIT_LFS_POINTER),
        ('HR/b.png',)),
    'transparent': (
        lambda images: save(images / 'HR/b.png', picture(24, 26, 4)),
        ('HR/b.png', 'transparent')),
    '16 bits': (
        lambda images: save(images / 'HR/b.png', picture(24, 26)[..., 0] * np.uint16(257)),
        ('HR/b.png', '8 bits')),
    'smaller than the scale': (
        lambda images: save(images / 'HR/b.png', picture(1, 26)),
        ('HR/b.png', '26x1', 'too small for x2')),
    'two of a name': (
        lambda images: save(images / 'HR/b.bmp', picture(24, 26)),
        ('HR/b.png', 'HR/b.bmp', 'one name')),
}


@pytest.mark.parametrize('fault', sorted(SPOILED_IMAGES))
def test_images_that_cannot_be_trained_on(run_script, images, tmp_path, fault):
    spoil, words = SPOILED_IMAGES[fault]
    spoil(images)
    before = contents(images)
    command = training_on(images, tmp_path / 'run')

    line = refused(run_script(*command), FAILURE, *words)
    debugged(run_script(*command + ('--debug',)), FAILURE, line)

    assert contents(images) == before
    assert not (tmp_path / 'run').exists()
    assert glob.glob(str(tmp_path / 'packs' / '*.tmp')) == []


def test_a_missing_folder_of_images(run_script, tmp_path):
    result = run_script(*training(tmp_path / 'photographs', tmp_path / 'run'))
    refused(result, FAILURE, tmp_path / 'photographs', 'no such folder')


def test_grey_and_opaque_rgba_images_among_rgb_ones_are_fine(run_script, tmp_path):
    opaque = picture(24, 26, 4)
    opaque[..., 3] = 255
    grey = picture(24, 26)[..., 0]
    save(tmp_path / 'HR' / 'colour.png', picture(24, 26))
    save(tmp_path / 'HR' / 'opaque.png', opaque)
    save(tmp_path / 'HR' / 'grey.png', grey)

    run_script('prepare.py', 'lr', '--data_truth_path=%s' % (tmp_path / 'HR'), '--scales=2',
               '--output_path=%s' % (tmp_path / 'LR'), check=True)

    meant = {'colour': picture(24, 26), 'opaque': opaque[..., :3], 'grey': np.dstack([grey] * 3)}
    for name, pixels in meant.items():
        lr = read_rgb(str(tmp_path / 'LR' / 'x2' / (name + '.png')))
        np.testing.assert_array_equal(lr, resize.downscale(pixels, 2), err_msg=name)


WRONG_FLAGS = {
    'batch of none': ('train.py --batch_size=0', ['--batch_size=0']),
    'unknown scale': ('train.py --scales=5', ['--scales=5', 'x2, x3, x4, x8']),
    'scale that is no number': ('train.py --scales=x', ['--scales=x', '2,3,4']),
    'scale that the flags name and the model lacks':
        ('train.py --scales=3 --model_scales=2 --data_input_path=', ['scales']),
    'unknown flag': ('train.py --batchsize=2', ['batchsize', 'Did you mean', 'batch_size']),
    'unknown model': ('train.py --model=srnet', ['--model=srnet', 'bsrn']),
    'unknown loader': ('train.py --dataloader=zip_loader', ['--dataloader=zip_loader', 'basic']),
    'no dashes': ('train.py batch_size=2', ['batch_size=2', '--name=value']),
    'mean of two colours': ('train.py --bsrn_rgb_mean=1,2', ['--bsrn_rgb_mean=1,2', '3 numbers']),
    'patch that does not fit the scale':
        ('train.py --target_patch_size=9', ['--target_patch_size=9', 'scale 2']),
    'loss scale in words': ('train.py --loss_scale=much', ['--loss_scale=much']),
    'loss scale that is no number': ('train.py --loss_scale=nan', ['--loss_scale=nan', '2^126']),
    'loss scale beyond float32': ('train.py --loss_scale=1e39', ['--loss_scale=1e39', '2^126']),
    'two lengths': ('train.py --num_epochs=2 --max_steps=2', ['--num_epochs and --max_steps']),
    'nothing to validate on':
        ('train.py --validate_freq=2', ['--validate_freq', '--valid_truth_path']),
    'outputs of no recursion':
        ('train.py --bsrn_recursion_frequency=0', ['--bsrn_recursion_frequency=0']),
    'outputs after the last recursion':
        ('train.py --bsrn_recursion_frequency=2', ['--bsrn_recursion_frequency=2', 'recursions=1']),
    'no blocks': ('train.py --model=rdn --rdn_num_blocks=0', ['--rdn_num_blocks=0']),
    'two folders for one': ('train.py --data_truth_path=here,there', ['--data_truth_path']),
    'uploads of the NPU port':
        ('train.py --platform=modelarts', ['--platform=modelarts', 'modelarts_entry.py']),
    'missing flagfile': ('train.py --flagfile=no_such.flags', ['no_such.flags']),
    'no checkpoint to score': ('validate.py', ['--restore_path is missing']),
    'nothing to enlarge': ('predict.py --output_path=x', ['--input_path is missing']),
    'nowhere to put it': ('predict.py --input_path=x', ['--output_path is missing']),
    'nothing to prepare': ('prepare.py', ['inspect, lr, pack']),
    'nothing to inspect': ('prepare.py inspect --data_truth_path=',
                           ['--data_truth_path is missing']),
    'a step of nothing that is continued':
        ('train.py --global_step=7', ['--global_step=7', '--restore_target=all']),
    'everything of no checkpoint':
        ('train.py --restore_target=all', ['--restore_target=all', '--restore_path']),
    'a file to export again':
        ('export.py --restore_path=x.onnx --format=onnx --output_path=y', ['x.onnx', 'checkpoint']),
    'something else to prepare': ('prepare.py bake', ['inspect, lr, pack']),
    'no place for LR images': ('prepare.py lr', ['--output_path is missing']),
    'LR images of no size': ('prepare.py lr --scales=0 --output_path=never', ['--scales=0']),
}


@pytest.mark.parametrize('mistake', sorted(WRONG_FLAGS))
def test_flags_that_make_no_sense(run_script, images, tmp_path, mistake):
    command, words = WRONG_FLAGS[mistake]
    script, *flags = command.split()
    usual = {'train.py': training_on(images, tmp_path / 'run')[1:],
             'prepare.py': ('--data_truth_path=%s' % (images / 'HR'),)}
    before = contents(images)

    refused(run_script(script, *usual.get(script, ()) + tuple(flags)), USAGE, *words)

    assert contents(images) == before
    assert not (tmp_path / 'run').exists()


def test_the_model_must_be_named(run_script):
    refused(run_script('train.py', '--data_truth_path=photographs'), USAGE, '--model is missing')


def test_a_flagfile_with_an_unknown_flag(run_script, tmp_path):
    (tmp_path / 'wrong.flags').write_text('--model=bsrn\n--learning_rat=1e-3\n')
    result = run_script('train.py', '--flagfile=%s' % (tmp_path / 'wrong.flags'))
    refused(result, USAGE, 'learning_rat', 'learning_rate')


def test_resume_never_refuses_a_folder_that_holds_a_run(run_script, trained, photo):
    before = contents(trained)
    result = run_script(*training(photo.parent, trained, '--resume=never'))
    refused(result, USAGE, '--train_path=%s' % trained, '--resume=auto')
    assert contents(trained) == before


@pytest.mark.parametrize('command', [
    lambda photo, place: enlarging(photo, place / 'out.png', place),
    lambda photo, place: scoring(photo.parent, place),
    lambda photo, place: training(photo.parent, place / 'run', '--restore_path=%s' % place),
], ids=['predict', 'validate', 'train'])
def test_there_is_no_checkpoint(run_script, photo, tmp_path, command):
    refused(run_script(*command(photo, tmp_path)), FAILURE, tmp_path, 'no checkpoint')
    result = run_script(*command(photo, tmp_path / 'model.ckpt-7'))
    refused(result, FAILURE, tmp_path / 'model.ckpt-7', 'no such checkpoint')
    assert contents(tmp_path) == {}


# Which script meets a checkpoint, what is done to this one, and what the line must say.
SPOILED_CHECKPOINTS = {
    'data truncated': (
        'train', lambda prefix: truncate(prefix + DATA, 5000),
        ('model.ckpt-2', 'truncated or damaged')),
    'index truncated': (
        'predict', lambda prefix: truncate(prefix + '.index', 700),
        ('model.ckpt-2', 'damaged')),
    'index is a git-lfs pointer': (
        'predict', lambda prefix: Path(prefix + '.index').write_text(GIT_LFS_POINTER),
        ('model.ckpt-2.index', 'git-lfs', 'git lfs pull')),
    'data is a git-lfs pointer': (
        'validate', lambda prefix: Path(prefix + DATA).write_text(GIT_LFS_POINTER),
        ('model.ckpt-2' + DATA, 'git-lfs', 'git lfs pull')),
    'data missing': (
        'predict', lambda prefix: os.remove(prefix + DATA),
        ('model.ckpt-2', 'data file is missing')),
    'JSON truncated': (
        'validate', lambda prefix: truncate(prefix + '.json', 100),
        ('model.ckpt-2.json', 'cannot be read')),
}


@pytest.mark.parametrize('fault', sorted(SPOILED_CHECKPOINTS))
def test_checkpoints_that_cannot_be_read(run_script, run, photo, tmp_path, fault):
    script, spoil, words = SPOILED_CHECKPOINTS[fault]
    spoil(str(run / 'model.ckpt-2'))
    before = contents(run)
    command = {'train': training(photo.parent, run),
               'predict': enlarging(photo, tmp_path / 'out.png', run),
               'validate': scoring(photo.parent, run)}[script]

    refused(run_script(*command), FAILURE, run, *words)

    assert contents(run) == before
    assert not (tmp_path / 'out.png').exists()


def test_a_run_of_another_shape_is_not_continued(run_script, run, photo):
    before = contents(run)
    result = run_script(*training(photo.parent, run, '--bsrn_conv_features=5'))
    refused(result, FAILURE, run / 'model.ckpt-2', 'does not fit the model',
            'generator/first_conv/conv2d/kernel is [3, 3, 3, 4] instead of [3, 3, 3, 5]')
    assert contents(run) == before


def test_a_checkpoint_of_an_unknown_model_is_not_scored(run_script, photo, alien):
    refused(run_script(*scoring(photo.parent, alien)), FAILURE, alien, 'no model here', 'bsrn')


def test_a_checkpoint_of_another_model_starts_no_training(run_script, photo, alien, tmp_path):
    result = run_script(*training(photo.parent, tmp_path / 'run', '--restore_path=%s' % alien))
    refused(result, FAILURE, alien, 'none of its variables fits')
    assert checkpoints(tmp_path / 'run') == {}


@pytest.mark.parametrize('words', [['--help'], ['inspect', '--data_truth_path={photos}']])
def test_output_that_nobody_reads_any_more(run_script, photos, words):
    reader, writer = os.pipe()
    os.close(reader)
    process = run_script.start('prepare.py', *[word.format(photos=photos) for word in words],
                               stdout=writer)
    os.close(writer)
    assert process.communicate()[1] == ''
    assert process.returncode == 0


def test_a_failure_is_one_although_nobody_reads_of_it(run_script, tmp_path):
    (tmp_path / 'a.png').write_bytes(b'no image')
    reader, writer = os.pipe()
    os.close(reader)
    process = run_script.start('prepare.py', 'inspect', '--data_truth_path=%s' % tmp_path,
                               stdout=writer)
    os.close(writer)
    process.communicate()
    assert process.returncode == FAILURE


def test_output_that_is_closed(run_script, photos):
    process = run_script.start('prepare.py', 'inspect', '--data_truth_path=%s' % photos,
                               stdout=None, preexec_fn=lambda: os.close(1))
    assert process.communicate()[1] == ''
    assert process.returncode == 0


def test_output_that_cannot_be_written(run_script):
    with open('/dev/full', 'w') as full:
        process = run_script.start('prepare.py', '--help', stdout=full)
        errors = process.communicate()[1]
    assert errors == ('prepare.py: error: standard output: cannot be written: No space left on '
                      'device\n')
    assert process.returncode == FAILURE


@pytest.mark.parametrize('script, flag', [
    ('train.py', '--train_path'), ('export.py', '--output_path'),
    ('import_weights.py', '--output_path')])
def test_a_place_that_tensorflow_cannot_name(run_script, photo, tmp_path, script, flag):
    place = os.path.join(str(tmp_path), os.fsdecode(b'caf\xe9'))
    words = {'train.py': training(photo.parent, place),
             'export.py': (script, '--model=wdsr', '--format=onnx', '--output_path=' + place),
             'import_weights.py': (script, '--input=x.pth', '--output_path=' + place)}[script]
    result = run_script(*words)
    assert result.returncode == USAGE
    assert result.stderr.startswith('%s: error: %s=' % (script, flag))
    assert result.stderr.endswith('is not in UTF-8, which TensorFlow needs; name another place\n')
    assert contents(tmp_path) == {}


@pytest.mark.skipif(bool(importlib.util.find_spec('npu_bridge')
                         or importlib.util.find_spec('npu_device')), reason='the plug-in is here')
def test_an_npu_without_its_plugin(run_script, photo, tmp_path):
    result = run_script(*training(photo.parent, tmp_path / 'run', '--chip=npu'))
    refused(result, FAILURE, '--chip=npu', 'cannot be imported', 'CANN')
    assert contents(tmp_path) == {}


def test_a_gpu_where_there_is_none(run_script, photo, trained, tmp_path):
    command = enlarging(photo, tmp_path / 'out.png', trained)
    result = run_script(*command + ('--chip=gpu',))
    refused(result, FAILURE, '--chip=gpu', 'sees no GPU', '--chip=cpu')
    assert contents(tmp_path) == {}


def test_a_scale_that_the_model_lacks(run_script, photo, trained, tmp_path):
    result = run_script(*scoring(photo.parent, trained, '--scales=2,4',
                                 '--report_path=%s' % (tmp_path / 'report')))
    refused(result, USAGE, '--scales=2,4', trained / 'model.ckpt-2', 'is for x2')
    assert contents(tmp_path) == {}


def test_a_picture_that_is_not_there(run_script, trained, tmp_path):
    result = run_script(*enlarging(tmp_path / 'no.png', tmp_path / 'out.png', trained))
    refused(result, FAILURE, tmp_path / 'no.png', 'no such file')
    assert contents(tmp_path) == {}


def test_a_folder_without_pictures(run_script, trained, tmp_path):
    (tmp_path / 'in').mkdir()
    result = run_script(*enlarging(tmp_path / 'in', tmp_path / 'out', trained))
    refused(result, FAILURE, tmp_path / 'in', 'no images found')


def test_one_bad_picture_among_good_ones(run_script, trained, tmp_path):
    save(tmp_path / 'in' / 'a.png', picture(8, 9))
    save(tmp_path / 'in' / 'broken.png', picture(8, 9))
    save(tmp_path / 'in' / 'sub' / 'z.bmp', picture(6, 7))
    truncate(tmp_path / 'in' / 'broken.png', 200)
    save(tmp_path / 'out' / 'broken.png', picture(4, 5))
    before = contents(tmp_path)

    result = run_script(*enlarging(tmp_path / 'in', tmp_path / 'out', trained))

    refused(result, FAILURE, tmp_path / 'in' / 'broken.png', 'truncated')
    assert '2 of 3 pictures enlarged' in result.stdout
    after = contents(tmp_path)
    assert set(after) - set(before) == {'out/a.png', 'out/sub/z.bmp'}
    assert {name: after[name] for name in before} == before
    assert read_rgb(str(tmp_path / 'out' / 'sub' / 'z.bmp')).shape == (12, 14, 3)


@pytest.mark.parametrize('flag, below', [
    ('--train_path', ''), ('--train_path', 'run'), ('--pack_path', ''), ('--pack_path', 'packs')])
def test_a_file_where_a_folder_should_be(run_script, images, tmp_path, flag, below):
    file = tmp_path / 'file'
    file.write_text('precious')
    command = training_on(images, tmp_path / 'run') + ('%s=%s' % (flag, file / below),)

    refused(run_script(*command), FAILURE, file)

    assert file.read_text() == 'precious'
    assert glob.glob(str(tmp_path / '**' / '*.tmp'), recursive=True) == []


def test_a_full_disk_at_the_start(run_script, small_disk, fill_disk, trained, photo):
    shutil.copytree(str(trained), str(small_disk / 'run'))
    fill_disk(small_disk, leave=0)
    before = contents(small_disk)
    result = run_script(*training(photo.parent, small_disk / 'run'))
    refused(result, FAILURE, small_disk / 'run', 'No space left')
    assert contents(small_disk) == before


def test_a_disk_that_is_full_when_a_checkpoint_is_saved(run_script, small_disk, fill_disk, trained,
                                                         photo):
    run = small_disk / 'run'
    shutil.copytree(str(trained), str(run))
    before = checkpoints(run)
    fill_disk(small_disk, leave=32 * 1024)
    result = run_script(*training(photo.parent, run, '--max_steps=4'))
    refused(result, FAILURE, run, 'step 4', 'No space left')
    assert checkpoints(run) == before
    assert [name for name in os.listdir(str(run)) if name.startswith('.')] == []


def test_a_loss_that_is_no_number_is_never_saved(run_script, run, photo):
    before = checkpoints(run)
    result = run_script(*training(photo.parent, run, '--max_steps=9', '--learning_rate=1e38'))
    # The first such step ruins the weights, although its own loss is still a number.
    refused(result, FAILURE, 'step 3', 'no longer a number', run / 'model.ckpt-2',
            '--learning_rate')
    assert checkpoints(run) == before

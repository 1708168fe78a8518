"""Where the images lie in a folder, for jobs that are given a folder and nothing else.

As a script, for the launchers in test/: prints the flags, each on its line.
"""
import os
import sys

from sr_tf.errors import UsageError, UserError
from sr_tf.images.degradations import DEGRADATIONS
from sr_tf.images.files import is_image_name

ROOTS = ('', 'DIV2K', 'dataset', 'dataset/DIV2K')

# What is looked for, in this order: the loader, its HR images, and its LR images if there are any.
TRAINING = (
    ('div2k_loader', 'DIV2K_train_HR', 'DIV2K_train_LR_bicubic'),
    ('basic_loader', 'train/HR', 'train/LR'),
    ('folder_loader', 'train', None),
    ('basic_loader', 'HR', 'LR'),
)
VALIDATION = (
    ('div2k_loader', 'DIV2K_valid_HR', 'DIV2K_valid_LR_bicubic'),
    ('basic_loader', 'valid/HR', 'valid/LR'),
    ('folder_loader', 'valid', None),
    ('basic_loader', 'BSD100/HR', 'BSD100/LR'),
    ('basic_loader', 'Set14/HR', 'Set14/LR'),
    ('basic_loader', 'Set5/HR', 'Set5/LR'),
)

FLAGS = ('dataloader', 'data_truth_path', 'data_input_path')
VALID_FLAGS = ('valid_dataloader', 'valid_truth_path', 'valid_input_path')


def for_training(folder, given):
    """The values of train.py's flags that say where the images are, by their names.

    `given` holds those on the command line, which count first, and --degradation, which says which
    LR images are wanted. A relative path among them is one in the folder, if it exists there.
    """
    training = _require(folder, 'train on', _part(folder, given, FLAGS, TRAINING))
    validation = _part(folder, given, VALID_FLAGS, VALIDATION)
    return dict(training, **dict(zip(VALID_FLAGS, map(validation.get, FLAGS))))


def for_validation(folder, given):
    """The values of validate.py's flags, for the images that are for validation alone."""
    validation = _part(folder, given, VALID_FLAGS, VALIDATION)
    if not validation.get('data_truth_path'):
        raise UsageError('%s: there are no validation images (DIV2K_valid_HR, valid/HR, valid, '
                         'BSD100/HR, Set14/HR, Set5/HR); name them with --valid_truth_path'
                         % folder)
    training = _part(folder, given, FLAGS, TRAINING)
    return dict({'dataloader': training.get('dataloader')}, **validation)


def for_test(folder, given):
    """The same, also for a folder in which there is nothing else than what is to be scored."""
    return _require(folder, 'score', _part(folder, given, FLAGS, VALIDATION + TRAINING))


def as_arguments(flags):
    return ['--%s=%s' % (name, value) for name, value in sorted(flags.items()) if value]


def _part(folder, given, names, layouts):
    """The loader and paths under the names in `FLAGS`, from the flags called `names`."""
    chosen = {flag: given[name] for flag, name in zip(FLAGS, names) if given.get(name)}
    for flag in set(chosen) - {'dataloader'}:
        chosen[flag] = ','.join(_inside(folder, path) for path in chosen[flag].split(','))
    if 'data_truth_path' in chosen:
        return chosen
    found = _found(folder, layouts, given.get('degradation'))
    if chosen.get('dataloader', found.get('dataloader')) != found.get('dataloader'):
        found.pop('data_input_path', None)
    return dict(found, **chosen)


def _inside(folder, path):
    inside = os.path.join(folder, path)
    return inside if os.path.exists(inside) else path


def _found(folder, layouts, degradation):
    for root in ROOTS:
        for loader, truth, low in layouts:
            wanted = _lr_folder(low, degradation)
            truth_path, input_path = (os.path.join(folder, root, name or '') for name in
                                      (truth, wanted))
            if os.path.isdir(truth_path):
                has_input = wanted and os.path.isdir(input_path)
                return dict(zip(FLAGS, (loader, truth_path, input_path if has_input else None)))
    return {}


def _lr_folder(low, degradation):
    """The name of a layout's folder of LR images, or None if they are made or there are none."""
    known = DEGRADATIONS.get(degradation)
    if known and not known.reads_files:
        return None
    return low and low.replace('LR_bicubic', 'LR_%s' % (degradation or 'bicubic'))


def _require(folder, purpose, flags):
    if flags.get('data_truth_path'):
        return flags
    if any(map(is_image_name, os.listdir(folder))):
        return dict({'dataloader': 'folder_loader', 'data_truth_path': folder}, **flags)
    raise UsageError('%s: found nothing to %s: no DIV2K_train_HR, train or HR folder and no '
                     'images; say where they are with --dataloader and --data_truth_path'
                     % (folder, purpose))


def _main(purpose, folder, *arguments):
    given = {name: value for name, _, value in (
        argument.lstrip('-').partition('=') for argument in arguments)}
    find = {'train': for_training, 'valid': for_validation, 'test': for_test}[purpose]
    if not os.path.isdir(folder):
        raise UserError('--data_path=%s: no such folder' % folder)
    print('\n'.join(as_arguments(find(folder, given))))


if __name__ == '__main__':
    try:
        _main(*sys.argv[1:])
    except UserError as error:
        print('error: %s' % error, file=sys.stderr)
        sys.exit(error.exit_code)

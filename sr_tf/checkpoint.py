"""Checkpoints: TensorFlow's own files, with a JSON beside them that says what they hold.

A checkpoint `model.ckpt-800` is whole when its `.index` exists: all its files are written under
another name first, and the index is renamed last.
"""
import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid

import numpy as np

from sr_tf.compat import tf
from sr_tf.errors import UserError
from sr_tf.paths import is_utf8
from sr_tf.whole_file import whole_or_absent

NAME = 'model.ckpt'
BEST = 'best'  # the folder in a run's with its best checkpoint
EMA_SUFFIX = '/ExponentialMovingAverage'
OPTIMIZER_SUFFIXES = ('/Adam', '/Adam_1', EMA_SUFFIX)
_SUFFIX = re.compile(r'\.(index|meta|json|data-\d+-of-\d+)$')
_WILDCARDS = re.compile(r'[][*?\\]')
_MOST_NAMED = 6
_NUMBERED = re.compile(re.escape(NAME) + r'-(\d+)\.index$')


def save(values, folder, step, metadata, keep=None):
    """Writes a checkpoint of arrays by their names and removes the oldest ones beyond `keep`.

    Returns its path.
    """
    name = '%s-%d' % (NAME, step)
    try:
        with whole_in(folder) as staging:
            write(os.path.join(staging, name), values, metadata)
    except (OSError, tf.errors.OpError) as error:
        raise UserError('%s: the checkpoint of step %d cannot be written: %s; earlier ones are '
                        'untouched' % (folder, step, _reason(error))) from error
    _write_state(folder, keep)
    return os.path.join(folder, name)


@contextlib.contextmanager
def whole_in(folder):
    """Yields a folder to write a checkpoint to, which moves to `folder` if the block ends well."""
    staging = os.path.join(folder, '.saving-%s' % uuid.uuid4().hex[:8])
    try:
        os.makedirs(staging)
        yield staging
        _move(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write(prefix, values, metadata):
    """TensorFlow's two files, of arrays by their names, and the JSON."""
    names = sorted(values)
    arrays = [np.asarray(values[name]) for name in names]
    with tf.Graph().as_default() as graph, tf.device('/cpu:0'):
        # One operation, where a placeholder for each would take seconds to make.
        tensors = tf.numpy_function(lambda: arrays, [], [array.dtype for array in arrays])
        save = tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names,
                                 shape_and_slices=[''] * len(names), tensors=tensors)
        with tf.Session(graph=graph, config=tf.ConfigProto(device_count={'GPU': 0})) as session:
            session.run(save)
    # The graph holds on to them until Python happens to look for cycles.
    arrays.clear()
    write_metadata(prefix, metadata)


def sweep(run):
    """Removes what a process that was killed while it saved has left in a run's folders."""
    for folder in (run, os.path.join(run, BEST)):
        for staging in glob.glob(os.path.join(glob.escape(folder), '.saving-*')):
            shutil.rmtree(staging, ignore_errors=True)


def copy(prefix, folder):
    """Makes a checkpoint the only one in another folder; one that is there is removed last."""
    try:
        with whole_in(folder) as staging:
            for path in _files(prefix):
                shutil.copy2(path, staging)
    except OSError as error:
        raise UserError('%s: cannot be written: %s' % (folder, _reason(error))) from error
    kept = os.path.join(folder, os.path.basename(prefix))
    for other in in_folder(folder):
        if other != kept:
            _remove(other)
    _write_state(folder, None)


def in_folder(folder):
    """All whole checkpoints, the oldest first."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    steps = sorted(int(match.group(1)) for match in map(_NUMBERED.match, names) if match)
    return [os.path.join(folder, '%s-%d' % (NAME, step)) for step in steps]


def resolve(path):
    """The checkpoint that a folder (its newest), a prefix or one of its files stands for."""
    if os.path.isdir(path):
        found = in_folder(path)
        if not found:
            raise UserError('%s: there is no checkpoint in this folder' % path)
        return found[-1]
    prefix = prefix_of(path)
    if not os.path.exists(prefix + '.index'):
        raise UserError('%s: no such checkpoint (%s.index does not exist)' % (path, prefix))
    known = (read_metadata(prefix) or {}).get('sha256')
    if known:
        _require_files(prefix)
        if known != checksum(prefix):
            raise UserError('%s: damaged: its data file is not the one that its JSON tells of; get '
                            'it again, by `git checkout weights` if it came along' % prefix)
    return prefix


def prefix_of(path):
    """The prefix that one of its files belongs to; any other path is one itself."""
    return _SUFFIX.sub('', path)


def checksum(prefix):
    """Of the file that holds the numbers."""
    with open(prefix + '.data-00000-of-00001', 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_metadata(prefix):
    """What the JSON says, or None for a checkpoint that another program wrote."""
    try:
        with open(prefix + '.json') as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError('%s.json: cannot be read: %s' % (prefix, error)) from error


def write_metadata(prefix, metadata):
    with whole_or_absent(prefix + '.json') as temporary, open(temporary, 'w') as file:
        json.dump(metadata, file, indent=2)
        file.flush()
        _reach_disk(file)


def read_shapes(prefix):
    """Maps the names of the variables to their shapes."""
    with _reader(prefix) as reader:
        shapes = reader.get_variable_to_shape_map()
    return {name: tuple(shape) for name, shape in shapes.items()}


def read_values(prefix, names):
    """Maps the names to arrays."""
    with _reader(prefix) as reader:
        try:
            return {name: reader.get_tensor(name) for name in names}
        except Exception as error:  # of a kind that differs from version to version
            raise UserError('%s: truncated or damaged: %s' % (prefix, _reason(error))) from error


def read_weights(prefix, variables):
    """The values of a network's variables by their names; averaged ones if there are any."""
    shapes = read_shapes(prefix)
    weights = {name: shape for name, shape in shapes.items() if is_weight(name)}
    require_fit(prefix, weights, shapes_of(variables))
    return _averaged(prefix, shapes)


def read_all_weights(prefix):
    """The same, whatever the network is."""
    return _averaged(prefix, read_shapes(prefix))


def _averaged(prefix, shapes):
    averages = {name: name + EMA_SUFFIX for name in filter(is_weight, shapes)}
    sources = {name: average if average in shapes else name for name, average in averages.items()}
    values = read_values(prefix, sources.values())
    return {name: values[source] for name, source in sources.items()}


def require_fit(prefix, shapes, wanted):
    """Fails with the names that two mappings of names to shapes do not share."""
    misshaped = ['%s is %s instead of %s' % (name, list(shapes[name]), list(wanted[name]))
                 for name in sorted(set(wanted) & set(shapes)) if wanted[name] != shapes[name]]
    faults = (('missing', sorted(set(wanted) - set(shapes))),
              ('unexpected', sorted(set(shapes) - set(wanted))),
              ('misshaped', misshaped))
    if any(names for _, names in faults):
        raise UserError('%s: does not fit the model: %s' % (prefix, '; '.join(
            '%s: %s' % (kind, _in_short(names)) for kind, names in faults if names)))


def _in_short(names):
    more = len(names) - _MOST_NAMED
    return ', '.join(names[:_MOST_NAMED]) + (' and %d more' % more if more > 0 else '')


def shapes_of(variables):
    return {variable.op.name: tuple(variable.shape.as_list()) for variable in variables}


def is_weight(name):
    """Whether a variable belongs to the network and not to its optimizer."""
    return name.startswith('generator/') and not name.endswith(OPTIMIZER_SUFFIXES)


def weight_of(name):
    """The weight that a variable of the optimizer belongs to, or None for any other."""
    return next((name[:-len(suffix)] for suffix in OPTIMIZER_SUFFIXES if name.endswith(suffix)),
                None)


def assign(session, variables, values):
    """Gives variables the values of their names in one run, which an NPU compiles once."""
    session.run([variable.initializer for variable in variables],
                {variable.initializer.inputs[1]: values[variable.op.name]
                 for variable in variables})


def _require_files(prefix):
    for path in _files(prefix):
        _refuse_lfs_pointer(path)
    if not any('.data-' in path for path in _files(prefix)):
        raise UserError('%s: its data file is missing; copy %s.data-00000-of-00001 beside its '
                        '.index' % (prefix, os.path.basename(prefix)))


@contextlib.contextmanager
def _reader(prefix):
    _require_files(prefix)
    with _plainly_named(prefix) as plain:
        try:
            reader = tf.train.NewCheckpointReader(plain)
        except Exception as error:  # of a kind that differs from version to version
            raise UserError('%s: not a TensorFlow checkpoint, or damaged: %s'
                            % (prefix, _reason(error))) from error
        yield reader


@contextlib.contextmanager
def _plainly_named(prefix):
    """The prefix, or links to its files where TensorFlow would take it for a pattern or cannot
    read it.
    """
    if not _WILDCARDS.search(prefix) and is_utf8(prefix):
        yield prefix
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, NAME)
        for path in _files(prefix):
            os.symlink(os.path.abspath(path), plain + path[len(prefix):])
        yield plain


def _refuse_lfs_pointer(path):
    with open(path, 'rb') as file:
        if file.read(40).startswith(b'version https://git-lfs'):
            raise UserError('%s: a git-lfs pointer, not the file itself; run `git lfs pull` where '
                            'it comes from' % path)


def _files(prefix):
    folder = os.path.dirname(prefix) or '.'
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if _SUFFIX.sub('', name) == os.path.basename(prefix) and _SUFFIX.search(name)]


def _move(staging, folder):
    # The index last: it is what makes a checkpoint whole.
    names = sorted(os.listdir(staging), key=lambda name: name.endswith('.index'))
    for name in names:
        with open(os.path.join(staging, name), 'rb+') as file:
            _reach_disk(file)
    for name in names:
        os.replace(os.path.join(staging, name), os.path.join(folder, name))


def _reach_disk(file):
    """A power cut must not leave a new name without the bytes, and what it replaces removed."""
    os.fsync(file.fileno())


def _remove(prefix):
    for path in sorted(_files(prefix), key=lambda path: not path.endswith('.index')):
        os.remove(path)


def _write_state(folder, keep):
    """TensorFlow's `checkpoint` file, for tools that ask `tf.train.latest_checkpoint`."""
    prefixes = in_folder(folder)
    for prefix in prefixes[:-keep] if keep else []:
        _remove(prefix)
    names = [os.path.basename(prefix) for prefix in in_folder(folder)]
    tf.train.update_checkpoint_state(folder, names[-1], names)


def _reason(error):
    text = str(getattr(error, 'strerror', None) or getattr(error, 'message', None) or error)
    # TensorFlow 2.21 puts the operation's trace before the reason, and all put the nodes behind it.
    return text.split('\n\t [[')[0].splitlines()[-1]

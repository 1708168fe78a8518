"""The weights that a run starts from."""
from collections import namedtuple

from sr_tf import checkpoint
from sr_tf.checkpoint import EMA_SUFFIX, is_weight
from sr_tf.compat import tf
from sr_tf.errors import UsageError, UserError

Start = namedtuple('Start', 'kind prefix step')
Start.__doc__ = """How a run starts, by `kind`.

fresh: from random weights.
resume: from everything in the checkpoint `prefix`, which a run of this very model wrote.
continue: the same from another program's checkpoint, which may not know its step; then it is
    `step`.
weights: from the checkpoint's weights alone, at step 0; what does not fit stays random.
"""

FRESH = Start('fresh', None, 0)


def choose_start(folder, resume, restore_path, restore_target, step):
    """What the flags of these names, and a run that `folder` may hold, ask for."""
    runs = checkpoint.in_folder(folder)
    if runs and resume == 'never':
        raise UsageError('--train_path=%s: holds a run already (%s); name another folder, or '
                         'continue it with --resume=auto' % (folder, runs[-1]))
    if runs:
        return Start('resume', runs[-1], None)
    if not restore_path:
        return FRESH
    kind = 'continue' if restore_target == 'all' else 'weights'
    return Start(kind, checkpoint.resolve(restore_path), step)


def begin(session, start, graph):
    """Gives the variables of an initialized graph the values to start from."""
    variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if start.kind == 'resume':
        checkpoint.restore(session, start.prefix, variables)
    elif start.kind == 'continue':
        _continue(session, start, variables)
    elif start.kind == 'weights':
        _take_weights(session, start.prefix, variables)


def _continue(session, start, variables):
    """What the other program did not keep has its first value, and an average its weight's."""
    shapes = checkpoint.read_shapes(start.prefix)
    known = [v for v in variables if v.op.name in shapes or not _is_optional(v.op.name)]
    checkpoint.restore(session, start.prefix, known)
    values = {'global_step': start.step}
    absent = [v for v in variables if v not in known]
    averages = [v.op.name for v in absent if v.op.name.endswith(EMA_SUFFIX)]
    weights = checkpoint.read_values(start.prefix, [_weight_of(name) for name in averages])
    values.update((name, weights[_weight_of(name)]) for name in averages)
    checkpoint.assign(session, [v for v in absent if v.op.name in values], values)


def _is_optional(name):
    return name in ('global_step', 'loss_scale', 'good_steps') or name.endswith(EMA_SUFFIX)


def _weight_of(average):
    return average[:-len(EMA_SUFFIX)]


def _take_weights(session, prefix, variables):
    """An averaged weight is preferred, and starts the average of its variable as well."""
    shapes = checkpoint.read_shapes(prefix)
    sources = {}
    for variable in variables:
        name = variable.op.name
        weight = _weight_of(name) if name.endswith(EMA_SUFFIX) else name
        source = weight + EMA_SUFFIX if weight + EMA_SUFFIX in shapes else weight
        if is_weight(weight) and shapes.get(source) == tuple(variable.shape.as_list()):
            sources[name] = source
    if not sources:
        raise UserError('%s: none of its variables fits the model' % prefix)
    values = checkpoint.read_values(prefix, set(sources.values()))
    taken = [variable for variable in variables if variable.op.name in sources]
    checkpoint.assign(session, taken, {name: values[sources[name]] for name in sources})
    _report(prefix, shapes, [v.op.name for v in variables if is_weight(v.op.name)], sources)


def _report(prefix, shapes, weights, sources):
    print('%s: %d of %d weights taken' % (prefix, sum(name in sources for name in weights),
                                          len(weights)))
    for name in weights:
        if name not in sources:
            why = 'has another shape there' if name in shapes else 'is not there'
            print('  %s %s; it starts from random values' % (name, why))
    unused = sorted(name for name in shapes if is_weight(name) and name not in sources)
    if unused:
        print('  not used: %s' % ', '.join(unused))

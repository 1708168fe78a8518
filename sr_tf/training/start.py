"""The weights that a run starts from."""
from collections import namedtuple

from sr_tf import checkpoint
from sr_tf.checkpoint import EMA_SUFFIX, is_weight
from sr_tf.errors import UsageError, UserError
from sr_tf.streams import say

Start = namedtuple('Start', 'kind prefix step')
Start.__doc__ = """How a run starts, by `kind`.

fresh: from random weights.
resume: from everything in the checkpoint `prefix`, which a run of this very model wrote.
continue: the same from another program's checkpoint, which may not know its step; then it is
    `step`.
weights: from the checkpoint's weights alone, at step 0; what does not fit stays random.
"""

FRESH = Start('fresh', None, 0)
LOSS_SCALE = ('loss_scale', 'good_steps')


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


def begin(session, start, state, initial_values):
    """Gives the variables of an initialized graph, a `State`, the values to start from.

    `initial_values()` maps the weights to those that they have where `start` gives no others.
    """
    if start.kind == 'resume':
        values = _everything(start.prefix, state.shapes, lambda name: name in LOSS_SCALE)
    elif start.kind == 'continue':
        values = _continued(start, state.shapes)
    else:
        values = initial_values()
        values.update(_averages_of(values, state.shapes))
        if start.kind == 'weights':
            values.update(_taken_weights(start.prefix, state.shapes))
    state.assign(session, values)


def _continued(start, wanted):
    """What the other program did not keep has its first value, and an average its weight's."""
    values = _everything(start.prefix, wanted, _is_optional)
    values.update(_averages_of(values, set(wanted) - set(values)))
    values.setdefault('global_step', start.step)
    return values


def _everything(prefix, wanted, is_optional):
    """All values of a checkpoint, which lacks none but optional ones and has no others.

    A loss scale, which one chip needs and another does not, may be left over.
    """
    shapes = checkpoint.read_shapes(prefix)
    wanted = {name: shape for name, shape in wanted.items()
              if name in shapes or not is_optional(name)}
    shapes = {name: shape for name, shape in shapes.items()
              if name in wanted or name not in LOSS_SCALE}
    _require_same_kind(prefix, shapes, wanted)
    checkpoint.require_fit(prefix, shapes, wanted)
    return checkpoint.read_values(prefix, wanted)


def _require_same_kind(prefix, shapes, wanted):
    """Says in a line what is missing, where all of the weights are there."""
    differing = set(shapes) ^ set(wanted)
    if differing and all(name.endswith(EMA_SUFFIX) for name in differing):
        raise UserError('%s: was trained with%s averages of its weights; %s'
                        % ((prefix, '', 'give its --ema_decay') if differing & set(shapes) else
                           (prefix, 'out', 'leave --ema_decay out')))
    if differing and all(map(is_weight, shapes)) and not any(map(is_weight, differing)):
        raise UserError('%s: holds weights alone, which no training can go on from; to start from '
                        'them give --restore_path and a new --train_path, and no --restore_target'
                        % prefix)


def _is_optional(name):
    return name in LOSS_SCALE + ('global_step',) or name.endswith(EMA_SUFFIX)


def _weight_of(average):
    return average[:-len(EMA_SUFFIX)]


def _averages_of(weights, names):
    """For those of the names that are of averages, their weights."""
    return {name: weights[_weight_of(name)] for name in names if name.endswith(EMA_SUFFIX)}


def _taken_weights(prefix, wanted):
    """An averaged weight is preferred, and starts the average of its weight as well."""
    shapes = checkpoint.read_shapes(prefix)
    sources = {}
    for name, shape in wanted.items():
        weight = _weight_of(name) if name.endswith(EMA_SUFFIX) else name
        source = weight + EMA_SUFFIX if weight + EMA_SUFFIX in shapes else weight
        if is_weight(weight) and shapes.get(source) == shape:
            sources[name] = source
    if not sources:
        raise UserError('%s: none of its variables fits the model' % prefix)
    values = checkpoint.read_values(prefix, set(sources.values()))
    _report(prefix, shapes, list(filter(is_weight, wanted)), sources)
    return {name: values[source] for name, source in sources.items()}


def _report(prefix, shapes, weights, sources):
    say('%s: %d of %d weights taken' % (prefix, sum(name in sources for name in weights),
                                        len(weights)))
    for name in weights:
        if name not in sources:
            why = 'has another shape there' if name in shapes else 'is not there'
            say('  %s %s; it starts from random values' % (name, why))
    unused = sorted(name for name in shapes if is_weight(name) and name not in sources)
    if unused:
        say('  not used: %s' % ', '.join(unused))

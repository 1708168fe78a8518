"""The weights that a run starts from."""
from collections import namedtuple

from sr_tf import checkpoint
from sr_tf.checkpoint import EMA_SUFFIX, is_weight, weight_of
from sr_tf.errors import UsageError, UserError
from sr_tf.scales import in_words
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
    if step and restore_target != 'all':
        raise UsageError('--global_step=%d: is for --restore_target=all, which goes on from a '
                         'checkpoint' % step)
    runs = checkpoint.in_folder(folder)
    if runs and resume == 'never':
        raise UsageError('--train_path=%s: holds a run already (%s); name another folder, or '
                         'continue it with --resume=auto' % (folder, runs[-1]))
    if runs:
        return Start('resume', runs[-1], None)
    if not restore_path and restore_target == 'all':
        raise UsageError('--restore_target=all: of what? Name a checkpoint with --restore_path')
    if not restore_path:
        return FRESH
    kind = 'continue' if restore_target == 'all' else 'weights'
    return Start(kind, checkpoint.resolve(restore_path), step)


def require_same_model(start, model):
    """Fails if what goes on is a run of another model, or for other scales."""
    kept = checkpoint.read_metadata(start.prefix) if start.kind in ('resume', 'continue') else None
    if kept and (kept['model'], tuple(kept['scales'])) != (model.name(), model.scales):
        raise UserError('%s: is of a run of %s for %s, and this is one of %s for %s; name another '
                        '--train_path' % (start.prefix, kept['model'], in_words(kept['scales']),
                                          model.name(), in_words(model.scales)))


def begin(session, start, state, initial_values, other_names):
    """Gives the variables of an initialized graph, a `State`, the values to start from.

    `initial_values()` maps the weights to those that they have where `start` gives no others, and
    `other_names` is the model's.
    """
    if start.kind == 'resume':
        values = _everything(start.prefix, state.shapes, _is_new_to(start.prefix))
        values.update(_averages_of(values, set(state.shapes) - set(values)))
    elif start.kind == 'continue':
        values = _continued(start, state.shapes)
    else:
        values = initial_values()
        values.update(_averages_of(values, state.shapes))
        if start.kind == 'weights':
            values.update(_taken_weights(start.prefix, state.shapes, other_names))
    state.assign(session, values)


def _continued(start, wanted):
    """What the other program did not keep has its first value, and an average its weight's."""
    values = _everything(start.prefix, wanted, _is_optional)
    values.update(_averages_of(values, set(wanted) - set(values)))
    known = int(values.setdefault('global_step', start.step))
    if start.step and known != start.step:
        say('%s: knows its step, %d; --global_step=%d is not used'
            % (start.prefix, known, start.step))
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


def _is_new_to(prefix):
    """Tells what a run may have now that it kept nothing of before.

    That is a loss scale on another chip, and what the optimizer keeps of weights that belong to a
    scale which was not trained.
    """
    trained = set(filter(None, map(weight_of, checkpoint.read_shapes(prefix))))

    def is_new(name):
        weight = weight_of(name)
        return name in LOSS_SCALE or bool(trained and weight and weight not in trained)
    return is_new


def _is_optional(name):
    return name in LOSS_SCALE + ('global_step',) or name.endswith(EMA_SUFFIX)


def _averages_of(weights, names):
    """For those of the names that are of averages, their weights."""
    return {name: weights[weight_of(name)] for name in names if name.endswith(EMA_SUFFIX)}


def _taken_weights(prefix, wanted, other_names):
    """An averaged weight is preferred, and starts the average of its weight as well."""
    shapes = checkpoint.read_shapes(prefix)
    sources = {}
    for name, shape in wanted.items():
        weight = weight_of(name) if name.endswith(EMA_SUFFIX) else name
        spelled = next((other for other in other_names(weight) if other in shapes), weight)
        source = spelled + EMA_SUFFIX if spelled + EMA_SUFFIX in shapes else spelled
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
    taken = {source.replace(EMA_SUFFIX, '') for source in sources.values()}
    unused = sorted(name for name in shapes if is_weight(name) and name not in taken)
    if unused:
        say('  not used: %s' % ', '.join(unused))

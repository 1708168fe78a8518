"""How to train: what decides the weights."""
from absl import flags

from sr_tf.errors import UsageError
from sr_tf.flags.common import integers, scales
from sr_tf.training.losses import LOSSES
from sr_tf.training.schedule import SCHEDULES, Schedule

FLAGS = flags.FLAGS
LARGEST_LOSS_SCALE = 2.0 ** 126  # of whose inverse float32 still has all digits

# What a recipe consists of, and the value of each part where a model's own recipe says nothing.
RECIPE = {
    'scales': (2,),
    'batch_size': 16,
    'input_patch_size': 48,
    'max_steps': 100000,
    'num_epochs': None,
    'loss': 'l1',
    'learning_rate': 1e-4,
    'lr_schedule': 'constant',
    'lr_decay_rate': 0.5,
    'lr_decay_steps': 200000,
    'lr_decay_epochs': None,
    'warmup_steps': 0,
    'adam_epsilon': 1e-8,
    'clip_norm': None,
    'ema_decay': None,
    'accumulate_steps': 1,
    'loss_scale': 'dynamic',
    'lr_scaling': 'none',
}

# What is said in epochs or in steps.
LENGTHS = (('num_epochs', 'max_steps'), ('lr_decay_epochs', 'lr_decay_steps'))


def define_recipe():
    flags.DEFINE_list('model_scales', None,
                      'All scales that the model is built for, if it trains only some of them now.')
    flags.DEFINE_integer('batch_size', None, 'Patches a step on each device.', lower_bound=1)
    flags.DEFINE_integer('input_patch_size', None, 'The size of the low-resolution patches.',
                         lower_bound=1)
    flags.DEFINE_integer('target_patch_size', -1,
                         'Instead of input_patch_size: the size of the high-resolution patches.')
    flags.DEFINE_integer('max_steps', None, 'The step at which training ends; 0 takes back that '
                         'of a flagfile.', lower_bound=0)
    flags.DEFINE_integer('num_epochs', None, 'Instead of max_steps: passes over the images.',
                         lower_bound=0)
    flags.DEFINE_enum('loss', None, sorted(LOSSES), 'The distance that is minimised.')
    flags.DEFINE_float('learning_rate', None, 'Of Adam, at the start.', lower_bound=0)
    flags.DEFINE_enum('lr_schedule', None, SCHEDULES, 'How the learning rate falls.')
    flags.DEFINE_float('lr_decay_rate', None, 'What it is multiplied by.', lower_bound=0)
    flags.DEFINE_integer('lr_decay_steps', None, 'After how many steps.', lower_bound=0)
    flags.DEFINE_integer('lr_decay_epochs', None, 'Instead of lr_decay_steps: after how many '
                         'passes over the images.', lower_bound=0)
    flags.DEFINE_integer('warmup_steps', None, 'Steps in which the learning rate rises.',
                         lower_bound=0)
    flags.DEFINE_float('adam_epsilon', None, 'Epsilon of Adam.', lower_bound=0)
    flags.DEFINE_float('clip_norm', None,
                       'The norm that each variable\'s gradient is clipped to; off below 0.')
    flags.DEFINE_float('ema_decay', None,
                       'Decay of the averaged weights, such as 0.999; off at 0.',
                       lower_bound=0, upper_bound=1)
    flags.DEFINE_integer('accumulate_steps', None, 'Batches whose gradients make one step.',
                         lower_bound=1)
    flags.DEFINE_enum('lr_scaling', None, ('none', 'linear', 'sqrt'),
                      'How the learning rate grows with the number of processes.')
    flags.DEFINE_string('loss_scale', None, 'none, dynamic or a number, by which gradients are '
                        'kept from underflowing. Used where float16 is computed with, or if given.')


def recipe(model):
    """How to train: from the flags, else as the model was published, else by `RECIPE`."""
    published = dict(RECIPE, **model.recipe)
    chosen = {name: getattr(FLAGS, name) if _is_given(name) else published[name]
              for name in RECIPE}
    chosen['scales'] = scales(published['scales'])
    for name in ('clip_norm', 'ema_decay'):
        chosen[name] = chosen[name] if (chosen[name] or 0) > 0 else None
    if FLAGS.target_patch_size > 0:
        chosen.update(input_patch_size=None, target_patch_size=FLAGS.target_patch_size)
    return chosen


def _is_given(name):
    value = getattr(FLAGS, name)
    return value is not None and not (value == 0 and name in sum(LENGTHS, ()))


def model_scales(chosen):
    """All that the model is built for; it may train only some of them."""
    if FLAGS.model_scales in (None, ['-1']):
        return chosen['scales']
    known = integers('model_scales')
    if not set(chosen['scales']) <= set(known):
        raise UsageError('--model_scales=%s: lacks some of the scales to train, %s'
                         % (','.join(FLAGS.model_scales), ','.join(map(str, chosen['scales']))))
    return known


def patch_sizes(chosen, input_is_enlarged):
    """The size of the input patches at each scale."""
    target = chosen.get('target_patch_size')
    if not target or input_is_enlarged:
        return dict.fromkeys(chosen['scales'], target or chosen['input_patch_size'])
    for scale in chosen['scales']:
        if target % scale:
            raise UsageError('--target_patch_size=%d: is not a multiple of the scale %d'
                             % (target, scale))
    return {scale: target // scale for scale in chosen['scales']}


def in_steps(chosen, images, processes=1):
    """The recipe with its epochs, passes over the images, turned into steps."""
    epoch = -(-images // (chosen['batch_size'] * chosen['accumulate_steps'] * processes))
    chosen = dict(chosen)
    for epochs, steps in LENGTHS:
        if getattr(FLAGS, epochs) and getattr(FLAGS, steps):
            raise UsageError('--%s and --%s: give one of them; --%s=0 takes back that of a flagfile'
                             % (epochs, steps, steps))
        # Steps on the command line beat epochs in the published recipe.
        if chosen[epochs] and not getattr(FLAGS, steps):
            chosen[steps] = chosen[epochs] * epoch
    return chosen


def schedule(chosen, processes=1):
    scaling = {'none': 1.0, 'linear': processes, 'sqrt': processes ** 0.5}[chosen['lr_scaling']]
    return Schedule(chosen['lr_schedule'], chosen['learning_rate'] * scaling,
                    chosen['lr_decay_rate'], chosen['lr_decay_steps'], chosen['warmup_steps'],
                    chosen['max_steps'])


def loss_scale(chosen, chip):
    """None, 'dynamic' or a number."""
    value = chosen['loss_scale']
    if value == 'none' or not (FLAGS.loss_scale or chip.needs_loss_scaling):
        return None
    if value == 'dynamic':
        return value
    try:
        number = float(value)
    except ValueError:
        number = 0
    if not 1 <= number <= LARGEST_LOSS_SCALE:
        raise UsageError('--loss_scale=%s: is none, dynamic or a number from 1 to 2^126' % value)
    return number

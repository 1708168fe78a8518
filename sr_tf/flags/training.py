"""The flags of train.py."""
from absl import flags

import models
from sr_tf import pretrained
from sr_tf.errors import UsageError
from sr_tf.flags.chips import define_chip
from sr_tf.flags.data import define_data, define_pack_path
from sr_tf.flags.image_sets import define_validation_images
from sr_tf.flags.model_parameters import define_model_parameters
from sr_tf.flags.processes import define_distributed
from sr_tf.flags.recipes import define_recipe

FLAGS = flags.FLAGS


def define_training():
    define_chip()
    flags.DEFINE_enum('model', None, models.names(), 'The architecture.')
    define_data('The scales to train, such as 2,3,4. Default: as published.')
    define_pack_path()
    flags.DEFINE_boolean('data_cached', False,
                         'Read all raw pixels into memory before training starts.')
    flags.DEFINE_string('train_path', './train/', 'The folder of the run.')
    flags.DEFINE_enum('platform', 'linux', ('linux', 'modelarts'),
                      'Known from the NPU port. Jobs on ModelArts start modelarts_entry.py, which '
                      'takes either; train.py itself copies nothing, and so takes linux only.')
    flags.DEFINE_enum('resume', 'auto', ('auto', 'never'),
                      'When train_path holds a run: continue it, or refuse.')
    flags.DEFINE_enum('init', 'random', ('random', 'pretrained'), 'The weights that a new run '
                      'starts from; pretrained are those that come along.')
    flags.DEFINE_string('restore_path', None, 'Instead of init: a checkpoint whose weights a new '
                        'run starts from.')
    flags.DEFINE_enum('restore_target', 'generator', ('generator', 'all'),
                      'What to take from restore_path: the weights, or the optimizer as well.')
    flags.DEFINE_integer('global_step', 0, 'The step of a restore_path that does not know it.',
                         lower_bound=0)
    flags.DEFINE_integer('seed', 0, 'Decides the first weights and every batch.', lower_bound=0)
    define_recipe()
    flags.DEFINE_integer('log_freq', 10, 'Steps from one line of the log to the next.',
                         lower_bound=1)
    flags.DEFINE_integer('summary_freq', 1000, 'Steps between pictures in TensorBoard.',
                         lower_bound=0)
    flags.DEFINE_integer('save_freq', 50000, 'Steps between checkpoints.', lower_bound=1)
    flags.DEFINE_integer('save_max_keep', 1000, 'How many checkpoints are kept.', lower_bound=1)
    flags.DEFINE_float('sleep_ratio', 0.0, 'Pause after each step, in parts of its duration.',
                       lower_bound=0)
    flags.DEFINE_integer('validate_freq', 0, 'Steps between validations; the best is kept.',
                         lower_bound=0)
    define_distributed('average')
    flags.DEFINE_boolean('recompute', False, 'Train in less memory: what blocks hold '
                         'inside is computed again for the gradient, which takes more time.')
    flags.DEFINE_boolean('profile', False, 'Write traces of the 10th to the 15th step from '
                         'here, for chrome://tracing, to profile/ in train_path.')
    flags.DEFINE_float('step_timeout', None, 'Seconds without a step, or a picture validated, '
                       'after which the process ends; 0 for never. Default: 600 with several '
                       'processes, 2400 if they are on NPUs.', lower_bound=0)
    define_validation_images()
    define_model_parameters()


def start_path(model, scales):
    """The checkpoint that a new run starts from, or None."""
    if FLAGS.init == 'random':
        return FLAGS.restore_path
    if FLAGS.restore_path:
        raise UsageError('--init and --restore_path: give one of them')
    if FLAGS.restore_target == 'all':
        raise UsageError('--restore_target=all: the weights that come along have no optimizer; '
                         'leave it out')
    return pretrained.find(model, scales, '--scales')


def refuse_platform():
    """A line of the NPU port that copied results to a bucket must not quietly leave them."""
    if FLAGS.platform == 'modelarts':
        raise UsageError('--platform=modelarts: train.py copies nothing to a bucket; run '
                         'modelarts_entry.py --data_url=... --train_url=... with the same flags, '
                         'or leave --platform away')


def step_timeout(processes, chip):
    """The time after which a silent step is given up; a process alone waits for nobody."""
    if FLAGS.step_timeout is not None:
        return FLAGS.step_timeout
    if processes == 1:
        return 0.0
    return 2400.0 if chip.compiles_each_shape else 600.0


def profile(chip):
    """Whether to trace some steps ourselves."""
    if FLAGS.profile and chip.kind == 'npu':
        raise UsageError('--profile: on an NPU the plug-in writes the profile; use '
                         '--npu_profiling=FOLDER')
    return FLAGS.profile

"""The command line: which flags there are, and what they say together."""
import os
import re

from absl import flags

import dataloaders
import models
from sr_tf import distributed, exporting
from sr_tf.chips import npu_options
from sr_tf.chips.session import CHIPS, PRECISIONS, Chip
from sr_tf.engines import ENGINES, EXPORTED
from sr_tf.errors import UsageError
from sr_tf.graphs.pictures import PIXELS
from sr_tf.graphs.trained import OPSET, OPSETS
from sr_tf.images import degradations
from sr_tf.images.formats import FORMATS
from sr_tf.images.reader import MAX_MEGAPIXELS
from sr_tf.images.writer import DEFAULT_QUALITY
from sr_tf.scoring.evaluate import Settings
from sr_tf.scoring.protocols import PROTOCOLS
from sr_tf.scoring.protocols import find as find_protocol
from sr_tf.scoring.sets import ImageSet, name_of
from sr_tf.training.losses import LOSSES
from sr_tf.training.schedule import SCHEDULES, Schedule

FLAGS = flags.FLAGS

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


def define_chip():
    flags.DEFINE_enum('chip', 'auto', CHIPS, 'Where to compute.')
    flags.DEFINE_enum('precision', 'auto', PRECISIONS,
                      'fp32, or mixed: bfloat16 on a CPU, float16 on a GPU or an NPU. '
                      'auto is mixed on an NPU and fp32 elsewhere.')
    flags.DEFINE_string('cuda_device', None, 'The GPU to use, as in CUDA_VISIBLE_DEVICES.')
    _define_npu()


def define_model_parameters():
    """A flag for every hyper-parameter of every model, and the names that their users know."""
    for name in models.names():
        model = models.find(name)
        for parameter, value in model.hyper_parameters.items():
            _define(name + '_' + parameter, value, '%s hyper-parameter.' % name)
        for alias, flag in model.flag_aliases.items():
            if flag in FLAGS:
                flags.DEFINE_alias(alias, flag)


def define_data(scales_help):
    flags.DEFINE_enum('dataloader', 'basic_loader', dataloaders.names(),
                      'How the images lie on disk.')
    flags.DEFINE_string('data_truth_path', None, 'The high-resolution images.')
    flags.DEFINE_string('data_input_path', None,
                        'The low-resolution images; made by bicubic when not given.')
    flags.DEFINE_enum('degradation', None, list(degradations.DEGRADATIONS),
                      'How the low-resolution images come about; unknown: by the given files '
                      'alone. Default: bicubic, where there are no files.')
    flags.DEFINE_list('scales', None, scales_help)


def define_training():
    define_chip()
    flags.DEFINE_enum('model', None, models.names(), 'The architecture.')
    flags.DEFINE_list('model_scales', None,
                      'All scales that the model is built for, if it trains only some of them now.')
    define_data('The scales to train, such as 2,3,4. Default: as published.')
    _define_pack_path()
    flags.DEFINE_boolean('data_cached', False,
                         'Read all raw pixels into memory before training starts.')
    flags.DEFINE_string('train_path', './train/', 'The folder of the run.')
    flags.DEFINE_enum('platform', 'linux', ('linux', 'modelarts'),
                      'Known from the NPU port. Jobs on ModelArts start modelarts_entry.py, which '
                      'takes either; train.py itself copies nothing, and so takes linux only.')
    flags.DEFINE_enum('resume', 'auto', ('auto', 'never'),
                      'When train_path holds a run: continue it, or refuse.')
    flags.DEFINE_string('restore_path', None, 'A checkpoint whose weights a new run starts from.')
    flags.DEFINE_enum('restore_target', 'generator', ('generator', 'all'),
                      'What to take from restore_path: the weights, or the optimizer as well.')
    flags.DEFINE_integer('global_step', 0, 'The step of a restore_path that does not know it.',
                         lower_bound=0)
    flags.DEFINE_integer('seed', 0, 'Decides the first weights and every batch.', lower_bound=0)
    _define_recipe()
    flags.DEFINE_integer('target_patch_size', -1,
                         'Instead of input_patch_size: the size of the high-resolution patches.')
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
    _define_distributed('average')
    flags.DEFINE_boolean('profile', False, 'Write traces of the steps 10 to 15, for '
                         'chrome://tracing, to profile/ in train_path.')
    flags.DEFINE_float('step_timeout', None, 'Seconds without a step after which the process ends; '
                       '0 for never. Default: 600 with several processes.', lower_bound=0)
    flags.DEFINE_enum('valid_dataloader', None, dataloaders.names(),
                      'The loader of the validation images. Default: the same.')
    flags.DEFINE_string('valid_truth_path', None, 'Their high-resolution images.')
    flags.DEFINE_string('valid_input_path', None, 'Their low-resolution images.')
    define_model_parameters()


def define_scoring():
    define_chip()
    flags.DEFINE_string('restore_path', None, 'The checkpoint, or the folder of a run.')
    _define_engine()
    define_data('The scales to score. Default: all of the model\'s.')
    flags.DEFINE_string('save_path', None, 'Where the enlarged pictures go.')
    flags.DEFINE_string('report_path', None,
                        'Where metrics.json, metrics.csv and report.html go.')
    flags.DEFINE_list('datasets', None, 'Test sets in --data_root by their names, such as '
                      'Set5,BSD100, in any of the usual layouts.')
    flags.DEFINE_string('data_root', None, 'The folder that holds the --datasets.')
    flags.DEFINE_list('compare', None, 'More checkpoints or runs to score beside it.')
    flags.DEFINE_list('sr_path', None, 'Folders of pictures that other tools enlarged, to score '
                      'beside it or alone.')
    flags.DEFINE_list('protocol', ['paper'], 'What PSNR and SSIM are taken of: all, or some of %s; '
                      'the first is that of tables and pictures.' % ', '.join(PROTOCOLS))
    flags.DEFINE_boolean('summary', False, 'Show the size and the speed of the network, with or '
                         'without scoring it.')
    _define_distributed('share the images')
    flags.DEFINE_boolean('intermediate', False, 'Score and save each recursion\'s output as well.')
    _define_enlarging()
    define_model_parameters()


def define_prediction():
    define_chip()
    flags.DEFINE_string('restore_path', None, 'The checkpoint, or the folder of a run.')
    _define_engine()
    flags.DEFINE_string('input_path', None, 'A picture, a folder of them, a pattern such as '
                        '"photos/*.jpg", or - for standard input.')
    flags.DEFINE_string('output_path', None, 'The enlarged picture, the folder for them, or - for '
                        'standard output.')
    flags.DEFINE_integer('scale', None, 'How many times larger. Default: the model\'s only one.')
    flags.DEFINE_enum('format', None, list(FORMATS), 'The format of the enlarged pictures. '
                      'Default: what the output file is called, else that of each picture.')
    flags.DEFINE_integer('quality', DEFAULT_QUALITY, 'Of JPEG and WebP files; 100 makes WebP '
                         'lossless.', lower_bound=1, upper_bound=100)
    flags.DEFINE_integer('batch', 1, 'How many pictures of one size are computed together.',
                         lower_bound=1)
    flags.DEFINE_boolean('skip_existing', False, 'Leave out pictures whose result exists.')
    flags.DEFINE_boolean('keep_truncated', False, 'Enlarge what there is of damaged pictures.')
    flags.DEFINE_integer('max_megapixels', MAX_MEGAPIXELS, 'Refuse pictures with more, which may '
                         'be small files made to fill the memory.', lower_bound=1)
    _define_enlarging()
    define_model_parameters()


def define_preparation():
    define_data('The scales of the low-resolution images. Default: 2,3,4.')
    _define_pack_path()
    flags.DEFINE_string('output_path', None, 'The folder, or the h5 file, that is written.')
    flags.DEFINE_enum('naming', 'basic', ('basic', 'div2k'),
                      'x2/name.png as basic_loader reads it, or X2/namex2.png as div2k_loader.')
    flags.DEFINE_integer('patch_size', 96, 'The size of crops; smaller images give none.',
                         lower_bound=1)
    flags.DEFINE_integer('stride', None, 'From one crop to the next. Default: patch_size.',
                         lower_bound=1)
    flags.DEFINE_integer('num_shards', 8, 'How many TFRecord files; no more than images.',
                         lower_bound=1)
    flags.DEFINE_boolean('eval', False, 'Whole images in the h5 file, not five crops of each.')


def define_import():
    flags.DEFINE_enum('model', None, models.names(),
                      'The architecture. Default: what the weights look like.')
    flags.DEFINE_string('input', None, 'A PyTorch or MindSpore file, or a TensorFlow checkpoint.')
    flags.DEFINE_string('output_path', None, 'The folder that gets the checkpoint.')
    flags.DEFINE_list('scales', None, 'The scale, where the weights are the same at each.')
    define_model_parameters()


def define_export():
    flags.DEFINE_string('restore_path', None, 'The checkpoint, or the folder of a run.')
    flags.DEFINE_list('format', None, 'What to write, of %s; several with commas between them.'
                      % ', '.join(exporting.FORMATS))
    flags.DEFINE_string('output_path', None, 'The folder for what is written.')
    flags.DEFINE_integer('scale', None, 'How many times larger. Default: the model\'s only one.')
    flags.DEFINE_enum('pixels', 'uint8', PIXELS, 'What goes in and out: RGB as bytes, RGB as '
                      'floats in 0..255 that are not rounded, or bare: what the network itself '
                      'reads and gives.')
    flags.DEFINE_integer('opset', OPSET, 'The version of ONNX\'s operators.',
                         lower_bound=OPSETS[0], upper_bound=OPSETS[1])
    flags.DEFINE_list('om_sizes', None, 'The sizes of pictures, height x width, that an om is to '
                      'take, such as 256x256,128x512.')
    flags.DEFINE_string('om_chip', 'Ascend310', 'The chip that an om is for, as atc calls it.')
    define_model_parameters()


def required(name):
    value = getattr(FLAGS, name)
    if not value:
        # absl puts the choices of an enumeration before its help.
        raise UsageError('--%s is missing: %s' % (name, FLAGS[name].help.split('>: ')[-1]))
    return value


def refuse_platform():
    """A line of the NPU port that copied results to a bucket must not quietly leave them."""
    if FLAGS.platform == 'modelarts':
        raise UsageError('--platform=modelarts: train.py copies nothing to a bucket; run '
                         'modelarts_entry.py --data_url=... --train_url=... with the same flags, '
                         'or leave --platform away')


def chip():
    return Chip(FLAGS.chip, FLAGS.precision, FLAGS.cuda_device, _npu_options(), FLAGS.npu_verify)


def loader(scales, prefix='data'):
    """The chosen loader; with the prefix 'valid', that of the validation images."""
    _require_one_source(prefix + '_input_path')
    name = FLAGS.dataloader
    if prefix == 'valid' and FLAGS.valid_dataloader:
        name = FLAGS.valid_dataloader
    return _wanting_lr(dataloaders.find(name)(getattr(FLAGS, prefix + '_truth_path'),
                                              getattr(FLAGS, prefix + '_input_path'), scales))


def test_sets(scales, prefix='data'):
    """What to score on, at each scale: the --datasets, or the images of the chosen loader."""
    if prefix == 'data' and FLAGS.datasets:
        if FLAGS.data_truth_path or FLAGS.data_input_path:
            raise UsageError('--datasets: are found in --data_root; leave out --data_truth_path '
                             'and --data_input_path')
        root = required('data_root')
        benchmark = dataloaders.find('benchmark_loader')
        return [ImageSet(name, scale, _wanting_lr(benchmark(os.path.join(root, name), None,
                                                           (scale,))))
                for name in dict.fromkeys(FLAGS.datasets) for scale in scales]
    name = name_of(getattr(FLAGS, prefix + '_truth_path') or FLAGS.dataloader)
    return [ImageSet(name, scale, loader((scale,), prefix)) for scale in scales]


def scoring(scales, measures):
    """The `Settings` of a scoring at these scales."""
    names = list(PROTOCOLS) if FLAGS.protocol == ['all'] else list(dict.fromkeys(FLAGS.protocol))
    for name in names:
        find_protocol(name)
    if not names:
        raise UsageError('--protocol is empty: there are %s' % ', '.join(PROTOCOLS))
    return Settings(tuple(names), measures, degradation(scales), FLAGS.intermediate)


def degradation(scales):
    """The degradation that was asked for, or None; it is defined for all of the scales."""
    if FLAGS.degradation:
        degradations.require_scales(FLAGS.degradation, scales)
    return FLAGS.degradation


def hyper_parameters(model, given_only=False):
    """A model's hyper-parameters from its flags."""
    names = {parameter: '%s_%s' % (model.name(), parameter) for parameter in model.hyper_parameters}
    return {parameter: _value(flag, model.hyper_parameters[parameter])
            for parameter, flag in names.items() if FLAGS[flag].present or not given_only}


def given_hyper_parameters():
    """Those that are on the command line, of whichever model."""
    given = {}
    for name in models.names():
        given.update(hyper_parameters(models.find(name), given_only=True))
    return given


def weights_path():
    """The checkpoint, or the ONNX file that is given instead."""
    if not FLAGS.model_path:
        return required('restore_path')
    if FLAGS.restore_path:
        raise UsageError('--model_path and --restore_path: give one of them')
    if not FLAGS.model_path.endswith(EXPORTED):
        raise UsageError('--model_path=%s: is no *%s; a checkpoint is given as --restore_path'
                         % (FLAGS.model_path, EXPORTED))
    return FLAGS.model_path


def tile():
    """'auto', a number of pixels, or 0 for none."""
    if FLAGS.tile in ('auto', 'none'):
        return {'auto': 'auto', 'none': 0}[FLAGS.tile]
    if not FLAGS.tile.isdigit():
        raise UsageError('--tile=%s: is auto, none or a number of pixels' % FLAGS.tile)
    return int(FLAGS.tile)


def scales(default=None):
    return _integers('scales') or default


def recipe(model):
    """How to train: from the flags, else as the model was published, else by `RECIPE`."""
    published = dict(RECIPE, **model.recipe)
    chosen = {name: published[name] if getattr(FLAGS, name) is None else getattr(FLAGS, name)
              for name in RECIPE}
    chosen['scales'] = scales(published['scales'])
    for name in ('clip_norm', 'ema_decay'):
        chosen[name] = chosen[name] if (chosen[name] or 0) > 0 else None
    return chosen


def model_scales(chosen):
    """All that the model is built for; it may train only some of them."""
    if FLAGS.model_scales in (None, ['-1']):
        return chosen['scales']
    known = _integers('model_scales')
    if not set(chosen['scales']) <= set(known):
        raise UsageError('--model_scales=%s: lacks some of the scales to train, %s'
                         % (','.join(FLAGS.model_scales), ','.join(map(str, chosen['scales']))))
    return known


def patch_sizes(chosen):
    """The size of the input patches at each scale."""
    if FLAGS.target_patch_size <= 0:
        return dict.fromkeys(chosen['scales'], chosen['input_patch_size'])
    for scale in chosen['scales']:
        if FLAGS.target_patch_size % scale:
            raise UsageError('--target_patch_size=%d: is not a multiple of the scale %d'
                             % (FLAGS.target_patch_size, scale))
    return {scale: FLAGS.target_patch_size // scale for scale in chosen['scales']}


def in_steps(chosen, images, processes=1):
    """The recipe with its epochs, passes over the images, turned into steps."""
    epoch = -(-images // (chosen['batch_size'] * chosen['accumulate_steps'] * processes))
    chosen = dict(chosen)
    for epochs, steps in (('num_epochs', 'max_steps'), ('lr_decay_epochs', 'lr_decay_steps')):
        # Steps on the command line beat epochs in the published recipe.
        if chosen[epochs] and (getattr(FLAGS, epochs) or not getattr(FLAGS, steps)):
            chosen[steps] = chosen[epochs] * epoch
    return chosen


def schedule(chosen, processes=1):
    scaling = {'none': 1.0, 'linear': processes, 'sqrt': processes ** 0.5}[chosen['lr_scaling']]
    return Schedule(chosen['lr_schedule'], chosen['learning_rate'] * scaling,
                    chosen['lr_decay_rate'], chosen['lr_decay_steps'], chosen['warmup_steps'],
                    chosen['max_steps'])


def step_timeout(processes):
    """The time after which a silent step is given up; a process alone waits for nobody."""
    return (600.0 if processes > 1 else 0.0) if FLAGS.step_timeout is None else FLAGS.step_timeout


def profile(chosen_chip):
    """Whether to trace some steps ourselves."""
    if FLAGS.profile and chosen_chip.kind == 'npu':
        raise UsageError('--profile: on an NPU the plug-in writes the profile; use '
                         '--npu_profiling=FOLDER')
    return FLAGS.profile


def loss_scale(chosen, chosen_chip):
    """None, 'dynamic' or a number."""
    value = chosen['loss_scale']
    if value == 'none' or not (FLAGS.loss_scale or chosen_chip.needs_loss_scaling):
        return None
    if value == 'dynamic':
        return value
    try:
        number = float(value)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError('--loss_scale=%s: is none, dynamic or a number from 1 on' % value)
    return number


def pack_folder():
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return FLAGS.pack_path or os.path.join(cache, 'sr-tf', 'packs')


def export_formats():
    formats = required('format')
    for name in formats:
        if name not in exporting.FORMATS:
            raise UsageError('--format=%s: no such format; there are %s'
                             % (name, ', '.join(exporting.FORMATS)))
    return formats


def om_sizes(formats):
    """(height, width) of each; there must be one if the formats need it."""
    if 'om' in formats:
        required('om_sizes')
    sizes = [re.match(r'([1-9]\d*)x([1-9]\d*)$', size) for size in FLAGS.om_sizes or ()]
    if not all(sizes):
        raise UsageError('--om_sizes=%s: are heights and widths, such as 256x256,128x512'
                         % ','.join(FLAGS.om_sizes))
    return [tuple(map(int, size.groups())) for size in sizes]


def values():
    """All flags and their values, for whoever wants to know later."""
    return {flag.name: flag.value for flag in FLAGS.flags_by_module_dict()[__name__]}


def _wanting_lr(chosen):
    """The loader, told which LR files are wanted where there may be several kinds."""
    if FLAGS.degradation == 'unknown':
        chosen.lr_kind = 'unknown'
    return chosen


def _require_one_source(input_flag):
    """A degradation that makes all images and a folder that holds them contradict each other."""
    path = getattr(FLAGS, input_flag)
    if path and FLAGS.degradation and not degradations.DEGRADATIONS[FLAGS.degradation].reads_files:
        raise UsageError('--%s=%s: --degradation=%s makes the low-resolution images; give one of '
                         'the two' % (input_flag, path, FLAGS.degradation))


def _define_npu():
    flags.DEFINE_string('npu_precision_mode', None, 'The plug-in\'s own name for the precision: %s.'
                        % npu_options.OPTIONS['precision_mode'].wanted)
    flags.DEFINE_string('npu_profiling', None, 'A folder for the profile of the NPU.')
    flags.DEFINE_string('npu_dump_path', None,
                        'A folder for what each operation of the NPU computes.')
    flags.DEFINE_string('npu_fusion_switch_file', None,
                        'A JSON file that turns fusions on the NPU on and off.')
    flags.DEFINE_string('npu_auto_tune', None, 'How the plug-in tunes its kernels: %s.'
                        % npu_options.OPTIONS['auto_tune_mode'].wanted)
    flags.DEFINE_multi_string('npu_option', [], 'Any option of the plug-in, as key=value; may be '
                              'given several times.')
    flags.DEFINE_boolean('npu_verify', False,
                         'Fail in the end unless the plug-in said that it compiled the network.')


def _npu_options():
    """What the command line says to the plug-in of the NPU, by the plug-in's keys."""
    options = {}
    for key, value in (('precision_mode', FLAGS.npu_precision_mode),
                       ('auto_tune_mode', FLAGS.npu_auto_tune),
                       ('fusion_switch_file', FLAGS.npu_fusion_switch_file)):
        if value is not None:
            options[key] = value
    if FLAGS.npu_profiling is not None:
        options.update(npu_options.profiling(FLAGS.npu_profiling))
    if FLAGS.npu_dump_path is not None:
        options.update(npu_options.dump(FLAGS.npu_dump_path))
    return dict(options, **npu_options.parse(FLAGS.npu_option))


def _define_enlarging():
    flags.DEFINE_boolean('self_ensemble', False, 'Average what the eight flips and rotations of '
                         'each picture give; eight times slower, a little better.')
    flags.DEFINE_string('tile', 'auto', 'The largest side of the windows in which a picture is '
                        'computed: auto, by the free memory; none; or a number of its pixels.')


def _define_engine():
    flags.DEFINE_enum('engine', None, ENGINES, 'What computes the network: TensorFlow, another '
                      'program, or auto: the fastest that is installed and computes the same. '
                      'Default: tf, and auto for model_path.')
    flags.DEFINE_string('model_path', None,
                        'Instead of restore_path: an ONNX file that export.py wrote.')


def _define_distributed(what):
    flags.DEFINE_enum('distributed', 'auto', distributed.ENGINES,
                      'How several processes %s: auto is hccl on NPUs, horovod under '
                      'horovodrun and else tf, when RANK_SIZE in the environment is above 1.'
                      % what)


def _define_pack_path():
    flags.DEFINE_string('pack_path', None,
                        'Where the images are kept as raw pixels. Default: the user\'s cache.')


def _define_recipe():
    flags.DEFINE_integer('batch_size', None, 'Patches a step on each device.', lower_bound=1)
    flags.DEFINE_integer('input_patch_size', None, 'The size of the low-resolution patches.',
                         lower_bound=1)
    flags.DEFINE_integer('max_steps', None, 'The step at which training ends.', lower_bound=1)
    flags.DEFINE_integer('num_epochs', None, 'Instead of max_steps: passes over the images.',
                         lower_bound=1)
    flags.DEFINE_enum('loss', None, sorted(LOSSES), 'The distance that is minimised.')
    flags.DEFINE_float('learning_rate', None, 'Of Adam, at the start.', lower_bound=0)
    flags.DEFINE_enum('lr_schedule', None, SCHEDULES, 'How the learning rate falls.')
    flags.DEFINE_float('lr_decay_rate', None, 'What it is multiplied by.', lower_bound=0)
    flags.DEFINE_integer('lr_decay_steps', None, 'After how many steps.', lower_bound=1)
    flags.DEFINE_integer('lr_decay_epochs', None, 'Instead of lr_decay_steps: after how many '
                         'passes over the images.', lower_bound=1)
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


def _define(name, value, text):
    if isinstance(value, bool):
        flags.DEFINE_boolean(name, value, text)
    elif isinstance(value, int):
        flags.DEFINE_integer(name, value, text, lower_bound=0)
    elif isinstance(value, tuple):
        flags.DEFINE_list(name, [str(number) for number in value], text)
    else:
        flags.DEFINE_float(name, value, text)


def _value(flag, like):
    value = getattr(FLAGS, flag)
    if not isinstance(like, tuple):
        return value
    try:
        numbers = tuple(float(number) for number in value)
    except ValueError:
        numbers = ()
    if len(numbers) != len(like):
        raise UsageError('--%s=%s: needs %d numbers' % (flag, ','.join(value), len(like)))
    return numbers


def _integers(flag):
    """The numbers of a list flag, or None when it is not given."""
    value = getattr(FLAGS, flag)
    try:
        numbers = tuple(int(number) for number in value or ())
    except ValueError:
        numbers = (0,)
    if numbers and min(numbers) < 1:
        raise UsageError('--%s=%s: are whole numbers from 1 on, such as 2,3,4'
                         % (flag, ','.join(value)))
    return tuple(sorted(set(numbers))) or None

"""The options of the Ascend plug-in, checked before it sees them.

The plug-in reads a value of the wrong type as nothing, ignores a key that it does not know, and
ends the process on a value that it does not like.
"""
import difflib
import json
import os
import re
from collections import namedtuple

from sr_tf.errors import UsageError

DEFAULTS = {
    'use_off_line': True,
    'dynamic_input': True,
    'dynamic_graph_execute_mode': 'lazy_recompile',
}

# Options that have a flag of their own, beside --npu_option.
FLAGS = {
    'precision_mode': '--npu_precision_mode',
    'auto_tune_mode': '--npu_auto_tune',
    'fusion_switch_file': '--npu_fusion_switch_file',
    'dump_path': '--npu_dump_path',
    'profiling_options': '--npu_profiling',
}

FLOAT32_MODES = ('force_fp32', 'must_keep_origin_dtype')
BFLOAT16_MODES = ('allow_mix_precision_bf16', 'allow_fp32_to_bf16')
FLOAT16_MODES = ('allow_mix_precision', 'allow_mix_precision_fp16', 'allow_fp32_to_fp16',
                 'force_fp16', 'cube_fp16in_fp32out')

_Text = namedtuple('_Text', 'choices pattern wanted')
_Number = namedtuple('_Number', 'lowest highest')
_BOOLEAN = 'true or false'


def _one_of(*choices):
    return _Text(choices, None, 'one of ' + ', '.join(choices))


def _like(pattern, wanted):
    return _Text(None, re.compile(pattern), wanted)


_ANY = _like('.+', 'some text')
_FROM_ZERO = _Number(0, None)
_ANY_NUMBER = _Number(None, None)
_BYTES = _like(r'[1-9]\d*', 'a number of bytes')

OPTIONS = {
    'HCCL_algorithm': _ANY,
    'aoe_config_file': _ANY,
    'aoe_mode': _one_of('1', '2', '4', 'mdat'),
    'atomic_clean_policy': _Number(0, 1),
    'auto_tune_mode': _one_of('GA', 'RL', 'GA|RL', 'RL|GA', 'GA,RL', 'RL,GA'),
    'buffer_optimize': _one_of('l2_optimize', 'off_optimize'),
    'compress_weight_conf': _ANY,
    'const_input': _ANY,
    'customize_dtypes': _ANY,
    'debug_dir': _ANY,
    'deterministic': _Number(0, 1),
    'device_type': _ANY,
    'distribute_config': _ANY,
    'dump_data': _ANY,
    'dump_debug_mode': _one_of('aicore_overflow', 'atomic_overflow', 'all'),
    'dump_layer': _ANY,
    'dump_mode': _one_of('input', 'output', 'all'),
    'dump_path': _ANY,
    'dump_step': _like(r'\d+(-\d+)?(\|\d+(-\d+)?){0,99}', 'steps such as 0|5|10-20'),
    'dynamic_dims': _ANY,
    'dynamic_graph_execute_mode': _one_of('lazy_recompile', 'dynamic_execute'),
    'dynamic_input': _BOOLEAN,
    'dynamic_inputs_shape_range': _like(
        r'(data|getnext):\[.*\](;(data|getnext):\[.*\])?',
        'ranges such as data:[1,~64,-1];getnext:[8,3~5]'),
    'dynamic_node_type': _Number(0, 1),
    'enable_compress_weight': _BOOLEAN,
    'enable_data_pre_proc': _BOOLEAN,
    'enable_dump': _BOOLEAN,
    'enable_dump_debug': _BOOLEAN,
    'enable_exception_dump': _Number(0, 2),
    'enable_graph_parallel': _BOOLEAN,
    'enable_scope_fusion_passes': _ANY,
    'enable_small_channel': _Number(0, 1),
    'event_sync_timeout': _ANY_NUMBER,
    'experimental_logical_device_cluster_deploy_mode': _ANY,
    'experimental_logical_device_id': _ANY,
    'experimental_model_deploy_devicelist': _ANY,
    'experimental_model_deploy_mode': _ANY,
    'external_weight': _BOOLEAN,
    'fusion_switch_file': _ANY,
    'graph_exec_timeout': _ANY_NUMBER,
    'graph_memory_max_size': _BYTES,
    'graph_parallel_option_path': _ANY,
    'graph_run_mode': _Number(0, 1),
    'hccl_timeout': _FROM_ZERO,
    'hcom_multi_mode': _BOOLEAN,
    'hcom_parallel': _BOOLEAN,
    'in_out_pair': _ANY,
    'in_out_pair_flag': _BOOLEAN,
    'input_shape': _ANY,
    'insert_op_file': _ANY,
    'iterations_per_loop': _Number(1, None),
    'jit_compile': _one_of('auto', 'true', 'false'),
    'job': _ANY,
    'local_device_list': _like(r'\d+(,\d+)*', 'devices such as 1,2,3'),
    'local_rank_id': _Number(0, 7),
    'lower_functional_ops': _BOOLEAN,
    'mix_compile_mode': _BOOLEAN,
    'modify_mixlist': _ANY,
    'mstune_mode': _one_of('1', '2', '3', '4'),
    'op_compiler_cache_dir': _ANY,
    'op_compiler_cache_mode': _ANY,
    'op_debug_config': _ANY,
    'op_debug_level': _FROM_ZERO,
    'op_execute_timeout': _FROM_ZERO,
    'op_precision_mode': _ANY,
    'op_select_implmode': _one_of('high_performance', 'high_precision',
                                  'high_performance_for_all', 'high_precision_for_all'),
    'op_wait_timeout': _FROM_ZERO,
    'optypelist_for_implmode': _ANY,
    'precision_mode': _one_of(*FLOAT32_MODES + FLOAT16_MODES + BFLOAT16_MODES),
    'profiling_mode': _BOOLEAN,
    'profiling_options': _ANY,
    'resource_config_path': _ANY,
    'session_device_id': _FROM_ZERO,
    'shape_generalization_mode': _one_of('STRICT', 'FULL', 'ADAPTIVE'),
    'soc_config': _ANY,
    'static_memory_policy': _FROM_ZERO,
    'stream_max_parallel_num': _ANY,
    'stream_sync_timeout': _ANY_NUMBER,
    'task_index': _FROM_ZERO,
    'topo_sorting_mode': _FROM_ZERO,
    'use_off_line': _BOOLEAN,
    'variable_format_optimize': _BOOLEAN,
    'variable_memory_max_size': _BYTES,
    'work_path': _ANY,
}

# What samples set and no version of the plug-in reads, or what another option already says.
_USELESS = {
    'enable_reduce_precision': 'no plug-in reads it; use --npu_precision_mode',
    'is_tailing_optimization': 'it is for the plug-in\'s own optimizer, which is not used here',
    'master_slave_mode': 'no plug-in reads it',
    'min_group_size': 'no plug-in reads it',
    'precision_mode_v2': 'it excludes precision_mode; use --npu_precision_mode',
}

# An option on the left does nothing, or ends the process, without one of those on the right.
_NEEDS = {
    'dump_debug_mode': ('enable_dump_debug',),
    'dump_mode': ('enable_dump',),
    'dump_path': ('enable_dump', 'enable_dump_debug'),
    'dump_step': ('enable_dump',),
    'dynamic_dims': ('input_shape',),
    'dynamic_graph_execute_mode': ('dynamic_input',),
    'dynamic_node_type': ('dynamic_dims',),
    'enable_dump': ('dump_path',),
    'enable_dump_debug': ('dump_path',),
    'input_shape': ('dynamic_node_type',),
    'mstune_mode': ('work_path',),
    'optypelist_for_implmode': ('op_select_implmode',),
    'profiling_mode': ('profiling_options',),
    'profiling_options': ('profiling_mode',),
}

_EXCLUDES = (
    ('mix_compile_mode', 'dynamic_dims'),
    ('enable_compress_weight', 'compress_weight_conf'),
    ('enable_dump', 'enable_dump_debug'),
)

_JSON_FILES = ('fusion_switch_file', 'modify_mixlist')


def parse(assignments):
    """A dictionary of typed values from texts such as `hcom_parallel=true`."""
    options = {}
    for assignment in assignments:
        key, equals, text = assignment.partition('=')
        if not equals:
            raise UsageError('--npu_option=%s: is written key=value' % assignment)
        if key in options:
            raise UsageError('--npu_option=%s: %s is given twice' % (assignment, key))
        options[key] = _typed(key, text)
    return options


def profiling(folder):
    """The options that make the plug-in write a profile of the run into a folder."""
    return {'profiling_mode': True, 'profiling_options': json.dumps({
        'output': os.path.abspath(folder), 'training_trace': 'on', 'task_trace': 'on',
        'fp_point': '', 'bp_point': ''})}


def dump(folder):
    """The options that make the plug-in write what each operation computes into a folder."""
    return {'enable_dump': True, 'dump_path': os.path.abspath(folder)}


def complete(given, precision_mode):
    """All options of a session: the given ones over the defaults, checked one by one and together.

    Raises `UsageError` for what the plug-in would ignore, or end the process on.
    """
    for key, value in given.items():
        _check(key, value)
    options = dict(DEFAULTS, precision_mode=precision_mode)
    if given.get('dynamic_input') is False:
        del options['dynamic_graph_execute_mode']
    options.update(given)
    _check_together(options)
    for key in _JSON_FILES:
        _require_json_file(key, options.get(key))
    for folder in _folders(options):
        _require_folder(*folder)
    return options


def _typed(key, text):
    kind = _kind(key)
    if kind is _BOOLEAN and text.lower() in ('true', 'false', '1', '0'):
        return text.lower() in ('true', '1')
    if isinstance(kind, _Number) and re.match(r'-?\d+$', text):
        return int(text)
    return text


def _kind(key):
    if key in _USELESS:
        raise UsageError('--npu_option=%s: %s' % (key, _USELESS[key]))
    if key not in OPTIONS:
        close = difflib.get_close_matches(key, OPTIONS, 1)
        raise UsageError('--npu_option=%s: the plug-in has no such option%s'
                         % (key, '; did you mean %s?' % close[0] if close else ''))
    return OPTIONS[key]


def _check(key, value):
    kind = _kind(key)
    if kind is _BOOLEAN:
        fits, wanted = isinstance(value, bool), kind
    elif isinstance(kind, _Number):
        fits, wanted = _is_within(value, kind), _range(kind)
    else:
        fits, wanted = _is_text(value, kind), kind.wanted
    if not fits:
        raise UsageError('%s: must be %s' % (_written(key, value), wanted))


def _is_within(value, kind):
    return (isinstance(value, int) and not isinstance(value, bool)
            and (kind.lowest is None or value >= kind.lowest)
            and (kind.highest is None or value <= kind.highest))


def _range(kind):
    if kind.lowest is None:
        return 'a whole number'
    if kind.highest is None:
        return 'a whole number from %d on' % kind.lowest
    return 'a whole number from %d to %d' % kind


def _is_text(value, kind):
    if not isinstance(value, str):
        return False
    return value in kind.choices if kind.choices else bool(kind.pattern.fullmatch(value))


def _check_together(options):
    _refuse_the_host(options)
    _refuse_loops(options)
    for key, needed in _NEEDS.items():
        if _is_set(options, key) and not any(_is_set(options, other) for other in needed):
            raise UsageError('%s: needs %s' % (
                _written(key, options[key]), ' or '.join(map(_flag, needed))))
    for one, other in _EXCLUDES:
        if _is_set(options, one) and _is_set(options, other):
            raise UsageError('%s: excludes %s' % (_written(one, options[one]), _flag(other)))
    if ('dynamic_inputs_shape_range' in options
            and options.get('dynamic_graph_execute_mode') != 'dynamic_execute'):
        raise UsageError('--npu_option=dynamic_inputs_shape_range: needs '
                         '--npu_option=dynamic_graph_execute_mode=dynamic_execute')
    if 'modify_mixlist' in options and options['precision_mode'] != 'allow_mix_precision':
        raise UsageError('--npu_option=modify_mixlist: needs '
                         '--npu_precision_mode=allow_mix_precision, not %s'
                         % options['precision_mode'])


def _refuse_the_host(options):
    """Nothing may make the plug-in leave the network to the CPU without a word."""
    if not options['use_off_line']:
        raise UsageError('--npu_option=use_off_line=false: would compute on the CPU; use '
                         '--chip=cpu for that')
    if options.get('job') in ('default', 'ps'):
        raise UsageError('--npu_option=job=%s: would compute on the CPU; leave it out'
                         % options['job'])


def _refuse_loops(options):
    """A plug-in that loops by itself ends the process on feeds; ours change with every step."""
    if options.get('iterations_per_loop', 1) > 1:
        beside = next((key for key in ('dynamic_input', 'mix_compile_mode') if options.get(key)),
                      None)
        raise UsageError('--npu_option=iterations_per_loop=%d: must be 1: %s' % (
            options['iterations_per_loop'],
            'the plug-in ends the process on more with %s' % beside if beside
            else 'each step is fed its learning rate'))


def _folders(options):
    if 'dump_path' in options:
        yield '--npu_dump_path', options['dump_path']
    if 'profiling_options' in options:
        try:
            settings = json.loads(options['profiling_options'])
            yield '--npu_profiling', settings['output']
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError('--npu_option=profiling_options=%s: must be JSON with an "output" '
                             'folder' % options['profiling_options']) from error


def _require_folder(flag, path):
    if not os.path.isdir(path) or not os.access(path, os.R_OK | os.W_OK):
        raise UsageError('%s=%s: is not a folder that can be written; make it first'
                         % (flag, path))


def _require_json_file(key, path):
    if path is None:
        return
    try:
        with open(path) as file:
            json.load(file)
    except (OSError, ValueError) as error:
        raise UsageError('%s: cannot be read as JSON: %s' % (_written(key, path), error)) from error


def _is_set(options, key):
    value = options.get(key)
    return value is not None and value is not False


def _flag(key):
    return FLAGS.get(key, '--npu_option=' + key)


def _written(key, value):
    """How a user would have given this value."""
    if isinstance(value, bool):
        value = str(value).lower()
    return '%s=%s' % (_flag(key), value)

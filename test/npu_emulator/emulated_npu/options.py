"""The options in a session's configuration, held to what the plug-in's source says of them."""
import json
import os
import re

from emulated_npu import profile
from emulated_npu.errors import EmulatorError

NAME = 'NpuOptimizer'
OFF = 2

# Keys by the field of `AttrValue` that the plug-in reads; another field reads as nothing.
IN_BOTH = {
    'b': '''dynamic_input enable_compress_weight enable_data_pre_proc enable_dump enable_dump_debug
            hcom_multi_mode hcom_parallel is_tailing_optimization lower_functional_ops
            mix_compile_mode profiling_mode use_off_line variable_format_optimize''',
    'i': '''dynamic_node_type enable_exception_dump enable_small_channel graph_run_mode
            iterations_per_loop local_rank_id op_debug_level session_device_id task_index''',
    's': '''auto_tune_mode buffer_optimize compress_weight_conf debug_dir dump_debug_mode dump_mode
            dump_path dump_step dynamic_dims dynamic_graph_execute_mode dynamic_inputs_shape_range
            enable_scope_fusion_passes fusion_switch_file graph_memory_max_size input_shape job
            local_device_list op_compiler_cache_dir op_compiler_cache_mode op_select_implmode
            optypelist_for_implmode precision_mode profiling_options stream_max_parallel_num
            variable_memory_max_size work_path''',
}
ONLY_2021 = {'s': 'mstune_mode'}
ONLY_NEWER = {
    'b': 'enable_graph_parallel external_weight in_out_pair_flag',
    'i': '''atomic_clean_policy deterministic event_sync_timeout graph_exec_timeout hccl_timeout
            op_execute_timeout op_wait_timeout static_memory_policy stream_sync_timeout
            topo_sorting_mode''',
    's': '''HCCL_algorithm aoe_config_file aoe_mode const_input customize_dtypes device_type
            distribute_config dump_data dump_layer experimental_logical_device_cluster_deploy_mode
            experimental_logical_device_id experimental_model_deploy_devicelist
            experimental_model_deploy_mode graph_parallel_option_path in_out_pair insert_op_file
            jit_compile modify_mixlist op_debug_config op_precision_mode resource_config_path
            shape_generalization_mode soc_config''',
}

ALLOWED = {
    'aoe_mode': ('1', '2', '4', 'mdat'),
    'buffer_optimize': ('l2_optimize', 'off_optimize'),
    'dump_debug_mode': ('aicore_overflow', 'atomic_overflow', 'all'),
    'dump_mode': ('input', 'output', 'all'),
    'dynamic_graph_execute_mode': ('lazy_recompile', 'dynamic_execute'),
    'dynamic_node_type': (0, 1),
    'graph_run_mode': (0, 1),
    'jit_compile': ('auto', 'true', 'false'),
    'local_rank_id': range(8),
    'mstune_mode': ('1', '2', '3', '4'),
    'op_select_implmode': ('high_performance', 'high_precision'),
    'precision_mode': ('force_fp32', 'allow_fp32_to_fp16', 'force_fp16', 'must_keep_origin_dtype',
                       'allow_mix_precision', 'cube_fp16in_fp32out', 'allow_mix_precision_fp16',
                       'allow_mix_precision_bf16', 'allow_fp32_to_bf16'),
    'shape_generalization_mode': ('STRICT', 'FULL', 'ADAPTIVE'),
}
ALLOWED_BY_NEWER = {
    'op_select_implmode': ('high_performance_for_all', 'high_precision_for_all'),
}
AT_LEAST = {'iterations_per_loop': 1, 'session_device_id': 0, 'task_index': 0}
PATTERNS = {
    'dump_step': r'\d+(-\d+)?(\|\d+(-\d+)?){0,99}',
    'graph_memory_max_size': r'\d+',
    'local_device_list': r'\d+(,\d+)*',
    'variable_memory_max_size': r'\d+',
}
TOGETHER = ('input_shape', 'dynamic_dims', 'dynamic_node_type')


def known():
    """Maps each key that the emulated plug-in reads to the field that it reads it from."""
    tables = (IN_BOTH, ONLY_NEWER if profile.is_newer() else ONLY_2021)
    return {key: field for table in tables for field, keys in table.items()
            for key in keys.split()}


def read(config):
    """The options of a session by their keys; None for one that the plug-in leaves alone."""
    rewrites = config.graph_options.rewrite_options if config else None
    named = list(rewrites.custom_optimizers) if config else []
    if not named:
        return None
    if [optimizer.name for optimizer in named] != [NAME]:
        raise EmulatorError('custom_optimizers are %s: TensorFlow ignores all but one %s'
                            % ([optimizer.name for optimizer in named], NAME))
    for name in ('remapping', 'memory_optimization'):
        if getattr(rewrites, name) != OFF:
            raise EmulatorError('%s is not OFF (%d)' % (name, OFF))
    if not config.allow_soft_placement:
        raise EmulatorError('allow_soft_placement is off')
    fields = known()
    options = {key: _read(key, value, fields) for key, value in named[0].parameter_map.items()}
    _check(options)
    return options


def _read(key, value, fields):
    if key not in fields:
        raise EmulatorError('option %s: the plug-in knows no such key' % key)
    field = value.WhichOneof('value')
    if field != fields[key]:
        raise EmulatorError('option %s: is written to .%s and read from .%s'
                            % (key, field, fields[key]))
    read = getattr(value, field)
    read = read.decode() if field == 's' else read
    if (key in ALLOWED and read not in _allowed(key)) or (
            key in AT_LEAST and read < AT_LEAST[key]) or (
            key in PATTERNS and not re.fullmatch(PATTERNS[key], read)):
        raise EmulatorError('option %s: the plug-in aborts on %r' % (key, read))
    return read


def _allowed(key):
    return tuple(ALLOWED[key]) + (ALLOWED_BY_NEWER.get(key, ()) if profile.is_newer() else ())


def _check(options):
    get = options.get
    loops = get('iterations_per_loop', 1) > 1
    dumps = get('enable_dump') or get('enable_dump_debug')
    dynamic = get('dynamic_input', False)
    some_of_three = any(key in options for key in TOGETHER)
    faults = {
        'use_off_line=False leaves everything on the CPU': get('use_off_line') is False,
        'job=%s leaves everything on the CPU' % get('job'): get('job') in ('default', 'ps'),
        'iterations_per_loop above 1 with dynamic_input': loops and dynamic,
        'iterations_per_loop above 1 with mix_compile_mode': loops and get('mix_compile_mode'),
        'mix_compile_mode with dynamic_dims': get('mix_compile_mode') and get('dynamic_dims'),
        'only some of %s' % ', '.join(TOGETHER):
            some_of_three and not all(key in options for key in TOGETHER),
        'dynamic_graph_execute_mode without dynamic_input':
            'dynamic_graph_execute_mode' in options and not dynamic,
        'dynamic_inputs_shape_range without dynamic_execute':
            'dynamic_inputs_shape_range' in options
            and get('dynamic_graph_execute_mode') != 'dynamic_execute',
        'profiling_mode without JSON in profiling_options':
            get('profiling_mode') and not _is_json(get('profiling_options')),
        'enable_dump with enable_dump_debug': get('enable_dump') and get('enable_dump_debug'),
        'a dump without an existing dump_path': dumps and not os.path.isdir(get('dump_path', '')),
        'optypelist_for_implmode without op_select_implmode':
            'optypelist_for_implmode' in options and 'op_select_implmode' not in options,
        'enable_compress_weight with compress_weight_conf':
            get('enable_compress_weight') and 'compress_weight_conf' in options,
        'mstune_mode without work_path': 'mstune_mode' in options and 'work_path' not in options,
        'modify_mixlist without precision_mode=allow_mix_precision':
            'modify_mixlist' in options and get('precision_mode') != 'allow_mix_precision',
    }
    for fault, found in faults.items():
        if found:
            raise EmulatorError('options: %s: the plug-in aborts on it or ignores it' % fault)


def _is_json(text):
    try:
        return isinstance(json.loads(text or ''), dict)
    except ValueError:
        return False

"""What a session on Huawei's Ascend NPU needs: the plug-in's import, options and operations."""
import contextlib
import importlib
import importlib.util
import os

from sr_tf.chips import npu_options
from sr_tf.compat import REWRITE_OFF, is_tensorflow_1, tf
from sr_tf.errors import UsageError, UserError

MEMORY = 32 << 30  # the least that a card has; the plug-in does not tell

PRECISION_MODES = {'mixed': 'allow_mix_precision', 'fp32': 'force_fp32'}


def plugin():
    """The name of the plug-in's package that is installed, or None."""
    for name in ('npu_bridge', 'npu_device'):
        if importlib.util.find_spec(name):
            return name
    return None


def require_plugin():
    """Imports the plug-in. Without it TensorFlow would silently train on the CPU."""
    # Before TensorFlow is loaded: why it ends a process, the plug-in tells in the log alone.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    wanted = 'npu_bridge' if is_tensorflow_1() else 'npu_device'
    try:
        importlib.import_module(wanted)
        _part('npu_init')
        if wanted == 'npu_device':
            importlib.import_module(wanted).compat.enable_v1()
    except Exception as error:  # a library that does not load fails in many ways
        raise UserError('--chip=npu: %s cannot be imported (%s); it comes with CANN: install the '
                        'TFPlugin and source set_env.sh' % (wanted, error)) from error


def be_alone():
    """Keeps the plug-in from joining a job whose other processes are not there."""
    for name in ('RANK_TABLE_FILE', 'RANK_SIZE', 'RANK_ID'):
        os.environ.pop(name, None)


def settle(precision, given):
    """The precision, mixed or fp32, and all options of the plug-in's, from what the user gave.

    precision: auto, mixed or fp32.
    given: some options by their keys; `UsageError` for what the plug-in would not take.
    """
    if precision == 'auto':
        in_float32 = given.get('precision_mode') in npu_options.FLOAT32_MODES
        precision = 'fp32' if in_float32 else 'mixed'
    options = npu_options.complete(given, PRECISION_MODES[precision])
    mode = options['precision_mode']
    if (mode in npu_options.FLOAT32_MODES) != (precision == 'fp32'):
        raise UsageError('--npu_precision_mode=%s: contradicts --precision=%s; leave one of them '
                         'out' % (mode, precision))
    return precision, options


def computes_in_float16(options):
    """Whether anything is, be it the inputs of convolutions alone."""
    return options['precision_mode'] in npu_options.FLOAT16_MODES + ('force_fp32',)


def config(options):
    """A `ConfigProto` whose graphs the plug-in takes over, with its options from `settle`."""
    proto = tf.ConfigProto(allow_soft_placement=True)
    rewrites = proto.graph_options.rewrite_options
    optimizer = rewrites.custom_optimizers.add()
    optimizer.name = 'NpuOptimizer'
    for key, value in options.items():
        if isinstance(value, bool):
            optimizer.parameter_map[key].b = value
        elif isinstance(value, int):
            optimizer.parameter_map[key].i = value
        else:
            optimizer.parameter_map[key].s = value.encode()
    # The plug-in does not know the fused operations that remapping makes.
    rewrites.remapping = REWRITE_OFF
    rewrites.memory_optimization = REWRITE_OFF  # reads MANUAL, as in Huawei's own samples
    return proto


def hccl_ops():
    """The plug-in's collective operations; call `require_plugin` before."""
    return _part('hccl.hccl_ops')


def full_precision():
    """A context whose operations are not computed in float16."""
    return _part('estimator.npu.npu_scope').keep_dtype_scope()


def overflows(tensors):
    """A list of the float32 scalar that is above 0 when computing the tensors overflowed.

    Where overflow leaves infinities, which show by themselves, the list is empty.  The first
    generation of Ascend saturates instead, so that only a status register tells.
    """
    if _keeps_infinities():
        return []
    operations = _part('helper.helper').get_gen_ops()
    if hasattr(operations, 'npu_get_float_status_v2'):
        with tf.control_dependencies(tensors):
            status = operations.npu_get_float_status_v2()
        with tf.control_dependencies([status]):
            cleared = operations.npu_clear_float_status_v2()
        with tf.control_dependencies([cleared]):
            overflowed = tf.not_equal(status, 0)
    else:
        status = operations.npu_alloc_float_status()
        with tf.control_dependencies(tensors):
            found = operations.npu_get_float_status(status)
        # Finding writes to what was allocated, so that is what has to be looked at, and later.
        overflowed = tf.not_equal(status, operations.npu_clear_float_status(found))
    return [tf.reduce_max(tf.cast(overflowed, tf.float32))]


def _keeps_infinities():
    with contextlib.suppress(ImportError, AttributeError):
        return _part('estimator.npu.npu_plugin').is_inf_nan_enabled()
    return False


def _part(name):
    package = 'npu_bridge' if is_tensorflow_1() else 'npu_device.compat.v1'
    return importlib.import_module('%s.%s' % (package, name))

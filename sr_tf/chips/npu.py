"""What a session on Huawei's Ascend NPU needs: the plug-in's import and its options."""
import importlib
import importlib.util

from sr_tf.compat import is_tensorflow_1, tf
from sr_tf.errors import UserError

OFF = 2  # RewriterConfig.OFF; for memory_optimization it reads MANUAL, as in Huawei's own samples

PRECISION_MODES = {'mixed': 'allow_mix_precision', 'fp32': 'force_fp32'}


def plugin():
    """The name of the plug-in's package that is installed, or None."""
    for name in ('npu_bridge', 'npu_device'):
        if importlib.util.find_spec(name):
            return name
    return None


def require_plugin():
    """Imports the plug-in. Without it TensorFlow would silently train on the CPU."""
    wanted = 'npu_bridge' if is_tensorflow_1() else 'npu_device'
    try:
        importlib.import_module(wanted)
    except ImportError as error:
        raise UserError('--chip=npu: %s cannot be imported (%s); it comes with CANN: install the '
                        'TFPlugin and source set_env.sh' % (wanted, error)) from error
    if wanted == 'npu_bridge':
        importlib.import_module('npu_bridge.npu_init')
    else:
        importlib.import_module('npu_device.compat.v1.npu_init')
        importlib.import_module('npu_device').compat.enable_v1()


def config(precision):
    """A `ConfigProto` whose graphs the plug-in takes over."""
    proto = tf.ConfigProto(allow_soft_placement=True)
    options = proto.graph_options.rewrite_options
    optimizer = options.custom_optimizers.add()
    optimizer.name = 'NpuOptimizer'
    parameters = {
        'use_off_line': True,
        'precision_mode': PRECISION_MODES[precision],
        'dynamic_input': True,
        'dynamic_graph_execute_mode': 'lazy_recompile',
    }
    for key, value in parameters.items():
        if isinstance(value, bool):
            optimizer.parameter_map[key].b = value
        else:
            optimizer.parameter_map[key].s = value.encode()
    # The plug-in does not know the fused operations that remapping makes.
    options.remapping = OFF
    options.memory_optimization = OFF
    return proto


def hccl_ops():
    """The plug-in's collective operations; call `require_plugin` before."""
    package = 'npu_bridge' if is_tensorflow_1() else 'npu_device.compat.v1'
    return importlib.import_module(package + '.hccl.hccl_ops')

"""The modules of the plug-in, as far as they are emulated, under the plug-in's names."""
import sys
import types

import tensorflow
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

from emulated_npu import collectives, float_status, profile, ranks, scopes, sessions

tf = tensorflow.compat.v1


def publish(package):
    """Makes the modules below a package, and takes over TensorFlow's sessions."""
    sessions.install(v1=_is_tensorflow_1())
    helper = {'get_gen_ops': _generated_operations,
              'version': 'v1.15.0' if _is_tensorflow_1() else 'v2.6.3'}
    hccl_ops = _functions(collectives, 'allgather allreduce broadcast reduce_scatter')
    npu_ops = _functions(ranks, 'initialize_system shutdown_system')
    npu_scope = _functions(scopes, 'keep_dtype_scope')
    modules = {
        'helper': {}, 'helper.helper': helper,
        'hccl': {}, 'hccl.hccl_ops': hccl_ops,
        'estimator': {}, 'estimator.npu_ops': npu_ops,
        'estimator.npu': {}, 'estimator.npu.npu_scope': npu_scope,
    }
    for name, content in modules.items():
        _make(package, name, content)
    _make(package, 'npu_init', dict(
        _functions(ranks, 'create_group get_rank_id get_rank_size'), RewriterConfig=RewriterConfig,
        **{name.rpartition('.')[2]: sys.modules['%s.%s' % (package, name)]
           for name in ('hccl.hccl_ops', 'estimator.npu_ops', 'estimator.npu.npu_scope')}))


def require_tensorflow(major, package):
    if tensorflow.__version__.split('.')[0] != major:
        raise ImportError('%s is for TensorFlow %s; this is %s'
                          % (package, major, tensorflow.__version__))


def enable_v1():
    """What `npu_device.compat.enable_v1` does, which has to come before any graph."""
    if not tensorflow.executing_eagerly() and tf.get_default_graph().get_operations():
        raise ImportError('enable_v1 after a graph was begun')
    tf.disable_v2_behavior()
    sessions.install(v1=True)


def _is_tensorflow_1():
    return tensorflow.__version__.startswith('1.')


def _generated_operations():
    names = 'npu_alloc_float_status npu_get_float_status npu_clear_float_status'
    if profile.is_newer():
        names += ' npu_get_float_status_v2 npu_clear_float_status_v2'
    return types.SimpleNamespace(**_functions(float_status, names))


def _functions(module, names):
    return {name: getattr(module, name) for name in names.split()}


def _make(package, name, content):
    full_name = '%s.%s' % (package, name)
    module = types.ModuleType(full_name)
    module.__path__ = []
    vars(module).update(content)
    sys.modules[full_name] = module
    parent, _, own = full_name.rpartition('.')
    setattr(sys.modules[parent], own, module)

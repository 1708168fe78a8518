"""The programs beside TensorFlow that compute ONNX graphs; none of them has to be installed."""
import importlib
import importlib.util
import sys

from sr_tf import cores
from sr_tf.errors import UserError


def open_onnxruntime(message, bfloat16=False):
    """A function from a batch to the list of the outputs, from the bytes of an ONNX file.

    ONNX Runtime has no bfloat16 on CPUs and computes in float32.
    """
    onnxruntime = imported('onnxruntime')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores.usable()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(message, options, providers=['CPUExecutionProvider'])
    given = session.get_inputs()[0].name
    return lambda batch: session.run(None, {given: batch})


def open_openvino(message, bfloat16=False):
    """The same; may be called from several threads at once."""
    openvino = imported('openvino')
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(message), 'CPU', {
        # Not given, it is bfloat16 wherever the processor has that.
        'INFERENCE_PRECISION_HINT': 'bf16' if bfloat16 else 'f32',
        'INFERENCE_NUM_THREADS': cores.usable(),
        # A pinned thread waits for its core while others stand idle.
        'ENABLE_CPU_PINNING': False})

    def run(batch):
        results = compiled.create_infer_request().infer([batch])
        return [results[output] for output in compiled.outputs]
    return run


RUNTIMES = {'onnxruntime': open_onnxruntime, 'openvino': open_openvino}


def imported(name):
    """The package, which must be installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError('%s is not installed, or does not load (%s): pip install %s'
                        % (name, error, _package(name))) from error


def is_installed(name):
    return importlib.util.find_spec(name) is not None


def _package(name):
    # Later ones want a NumPy that TensorFlow 1.15 and 2.6 do not load with.
    pinned = name == 'onnxruntime' and sys.version_info < (3, 10)
    return name + '==1.10.0' if pinned else name

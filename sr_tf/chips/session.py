"""Makes the session for a chip; the only place that knows what a chip needs."""
import contextlib
import sys

from sr_tf import cores
from sr_tf.chips import gpus, npu
from sr_tf.chips.npu_verify import Verification
from sr_tf.compat import (
    REWRITE_OFF,
    REWRITE_ON,
    REWRITE_ONCE,
    bfloat16_rewrite,
    tensorflow_version,
    tf,
)
from sr_tf.distributed.place import in_a_job
from sr_tf.errors import UsageError, UserError, require_known

CHIPS = ('auto', 'cpu', 'gpu', 'npu')
PRECISIONS = ('auto', 'fp32', 'mixed')


class Chip:
    """A kind of processor and the precision to compute in, both settled.

    Make it before TensorFlow is used: a GPU that is not asked for is hidden from it.

    npu_options: of the NPU's plug-in, by their keys (see `npu_options.OPTIONS`).
    npu_verify: whether `verify` is to fail if the plug-in compiled nothing.
    """

    def __init__(self, kind='auto', precision='auto', cuda_device=None, npu_options=None,
                 npu_verify=False):
        require_known('chip', kind, CHIPS)
        require_known('precision', precision, PRECISIONS)
        self.kind = _best_chip(cuda_device) if kind == 'auto' else kind
        self._verification = None
        if self.kind == 'npu':
            precision, self._npu_options = npu.settle(precision, npu_options or {})
            if npu_verify:
                self._verification = Verification()
            if not in_a_job():
                self.be_alone()
            npu.require_plugin()
        elif npu_options or npu_verify:
            raise UsageError('the --npu_... flags are for --chip=npu; this is %s' % self.kind)
        elif self.kind == 'cpu':
            gpus.hide()
        elif kind == 'gpu':
            gpus.choose(cuda_device)
        self.precision = self._settled(precision)

    def be_alone(self):
        """Leaves whatever job the environment tells of; before the first session."""
        if self.kind == 'npu':
            npu.be_alone()

    @property
    def needs_loss_scaling(self):
        """float16 underflows where bfloat16 and float32 do not."""
        if self.kind == 'npu':
            return npu.computes_in_float16(self._npu_options)
        return self.precision == 'mixed' and self.kind == 'gpu'

    @property
    def compiles_each_shape(self):
        """Whether a graph is compiled, which takes a minute, for each shape of what it is fed."""
        return self.kind == 'npu'

    @property
    def prefers_products(self):
        """Whether a CPU multiplies matrices faster than it convolves with kernels of 1x1.

        In bfloat16 without AMX the convolutions are a few percent ahead.
        """
        return self.precision == 'fp32' or 'amx_bf16' in _processor_flags()

    def full_precision(self):
        """A context whose operations stay in float32, on chips where each may be told so."""
        return npu.full_precision() if self.kind == 'npu' else contextlib.nullcontext()

    def overflows(self, tensors):
        """Scalars above 0 when computing the tensors overflowed, where infinities do not show it.
        """
        return npu.overflows(tensors) if self.kind == 'npu' else []

    def verify(self):
        """Fails if it was asked to verify that this chip did the work, and the work is over."""
        if self._verification:
            self._verification.finish()

    def session(self, graph=None):
        """A session that computes on this chip, for the given or the default graph."""
        return tf.Session(graph=graph, config=self.config())

    def sparing_session(self, graph):
        """The same for a graph that was built to take little memory."""
        config = self.config()
        if self.kind != 'npu':
            # TensorFlow would add all terms of a sum at once, and keep each of them until then.
            config.graph_options.rewrite_options.arithmetic_optimization = REWRITE_OFF
        return tf.Session(graph=graph, config=config)

    def memory(self, session):
        """The bytes of memory that it has to itself, or None if it computes in the machine's."""
        if self.kind == 'npu':
            return npu.MEMORY
        of_gpus = [device.memory_limit_bytes for device in session.list_devices()
                   if device.device_type == 'GPU']
        return min(of_gpus) if of_gpus else None

    def config(self):
        """What a session for this chip is configured with."""
        return getattr(self, '_%s_config' % self.kind)()

    def _settled(self, precision):
        if precision == 'auto':
            return 'fp32'
        if precision == 'mixed' and self.kind == 'cpu':
            missing = _why_no_bfloat16()
            if missing:
                print('warning: --precision=mixed: %s; computing in fp32' % missing,
                      file=sys.stderr)
                return 'fp32'
        return precision

    def _cpu_config(self):
        threads = cores.usable()
        # Hiding the GPUs came too late where the process has used one before.
        config = tf.ConfigProto(intra_op_parallelism_threads=threads,
                                inter_op_parallelism_threads=threads, device_count={'GPU': 0})
        # A second round over RCAN's graph takes seconds and finds nothing.
        config.graph_options.rewrite_options.meta_optimizer_iterations = REWRITE_ONCE
        if self.precision == 'mixed':
            setattr(config.graph_options.rewrite_options, bfloat16_rewrite(), REWRITE_ON)
        return config

    def _gpu_config(self):
        if not gpus.seen():
            raise UserError('--chip=gpu: TensorFlow %s sees no GPU; check the driver and CUDA, or '
                            'use --chip=cpu' % tensorflow_version())
        config = tf.ConfigProto(allow_soft_placement=True)
        config.gpu_options.allow_growth = True
        if self.precision == 'mixed':
            config.graph_options.rewrite_options.auto_mixed_precision = REWRITE_ON
        return config

    def _npu_config(self):
        return npu.config(self._npu_options)


def plain_session(graph=None):
    """A session on the CPU in float32, whatever the chip: for reading and writing files."""
    return tf.Session(graph=graph, config=tf.ConfigProto(device_count={'GPU': 0}))


def _best_chip(cuda_device):
    if npu.plugin():
        return 'npu'
    return 'gpu' if gpus.found(cuda_device) else 'cpu'


def _why_no_bfloat16():
    """The reason for which mixed precision is of no use on this CPU, or None."""
    if bfloat16_rewrite() is None:
        return 'TensorFlow %s cannot compute in bfloat16 on a CPU' % tensorflow_version()
    if not _processor_flags() & {'amx_bf16', 'avx512_bf16'}:
        return 'this processor has no bfloat16 instructions'
    return None


def _processor_flags():
    try:
        with open('/proc/cpuinfo') as file:
            return {flag for line in file if line.startswith('flags') for flag in line.split()}
    except OSError:
        return set()

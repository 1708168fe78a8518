"""Where something was measured: what decides how fast a machine computes, and its programs."""
import importlib.util
import os
import subprocess

from sr_tf import cores
from sr_tf.version import versions as own_versions

INSTRUCTIONS = ('avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8', 'asimd',
                'bf16', 'sve')
ENGINES = ('onnxruntime', 'openvino')
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def machine():
    """cpu, usable cores, memory in GB, and those instructions that matter here."""
    processor = _first_values('/proc/cpuinfo')
    memory = _first_values('/proc/meminfo').get('MemTotal', '0 kB')
    known = set((processor.get('flags') or processor.get('Features') or '').split())
    return {'cpu': processor.get('model name', 'unknown'), 'cores': cores.usable(),
            'memory': round(int(memory.split()[0]) / 2 ** 20, 1),
            'flags': [name for name in INSTRUCTIONS if name in known]}


def in_words(machine):
    """A machine's processor and how many cores of it were usable."""
    count = machine['cores']
    return '%s, %s' % (machine['cpu'], '1 core' if count == 1 else '%d cores' % count)


def versions(torch_python=None):
    """Of this suite and of what it is compared with, as far as that is there."""
    found = dict(own_versions(), commit=_answer(['git', 'describe', '--always', '--dirty']))
    for name in ENGINES:
        if importlib.util.find_spec(name):
            found[name] = importlib.import_module(name).__version__.split('-')[0]
    if torch_python:
        found['torch'] = _answer([torch_python, '-c', 'import torch; print(torch.__version__)'])
    return found


def load():
    """How many threads have wanted to compute in the last minute."""
    return round(os.getloadavg()[0], 2)


def _first_values(path):
    """The first value of each name in a file of lines `name: value`."""
    values = {}
    try:
        with open(path) as file:
            for line in file:
                name, _, value = line.partition(':')
                values.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    return values


def _answer(command):
    try:
        return subprocess.check_output(command, cwd=ROOT, stderr=subprocess.DEVNULL,
                                       text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'

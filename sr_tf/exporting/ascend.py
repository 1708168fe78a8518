"""What Huawei's `atc` makes an offline model of, for Ascend 310 and its successors.

The folder holds a frozen graph, the command, and the configuration of AIPP, the unit of the chip
that turns bytes into numbers: it changes none of them, as the graph does the rest.
"""
import os
import shlex
import shutil
import subprocess

from sr_tf.errors import UserError
from sr_tf.exporting.tensorflow_files import write_frozen
from sr_tf.graphs import pictures

AIPP = 'aipp.cfg'
COMMAND = 'convert.sh'
AIPP_CONFIGURATION = '''aipp_op {
    aipp_mode: static
    related_input_rank: 0
    input_format: RGB888_U8
    csc_switch: false
    rbuv_swap_switch: false
    mean_chn_0: 0
    mean_chn_1: 0
    mean_chn_2: 0
    min_chn_0: 0
    min_chn_1: 0
    min_chn_2: 0
    var_reci_chn_0: 1
    var_reci_chn_1: 1
    var_reci_chn_2: 1
}
'''


def write(folder, name, definition, channels, sizes, chip, of_bytes):
    """Writes the folder's files; returns that of the frozen graph.

    sizes: (height, width) of each input that the chip is to take.
    of_bytes: whether the input is 8-bit RGB.
    """
    os.mkdir(folder)
    write_frozen(os.path.join(folder, name + '.pb'), definition)
    words = command(name, channels, sizes, chip, of_bytes)
    if of_bytes:
        _write_text(os.path.join(folder, AIPP), AIPP_CONFIGURATION)
    _write_text(os.path.join(folder, COMMAND),
                '#!/usr/bin/env bash\ncd "$(dirname "${BASH_SOURCE[0]}")" &&\n%s\n'
                % ' \\\n    '.join(map(shlex.quote, words)))
    return os.path.join(folder, name + '.pb')


def command(name, channels, sizes, chip, of_bytes):
    """The words of the command, to be run in the folder; several sizes share one model."""
    several = len(sizes) > 1
    height, width = (-1, -1) if several else sizes[0]
    words = ['atc', '--framework=3', '--model=%s.pb' % name, '--output=%s' % name,
             '--soc_version=%s' % chip, '--input_format=NHWC',
             '--input_shape=%s:1,%d,%d,%d' % (pictures.INPUT, height, width, channels)]
    if several:
        words.append('--dynamic_image_size=' + ';'.join('%d,%d' % size for size in sizes))
    if of_bytes:
        words.append('--insert_op_conf=' + AIPP)
    return words + ['--out_nodes=%s:0' % pictures.OUTPUT, '--output_type=FP32']


def convert(folder):
    """Runs the command where `atc` is installed; returns whether it is."""
    if not shutil.which('atc'):
        return False
    result = subprocess.run(['bash', COMMAND], cwd=folder, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode:
        lines = result.stdout.decode(errors='replace').split('\n')
        said = [line for line in lines if line.strip()][-1:] or ['nothing']
        raise UserError('atc failed with exit code %d; it said last: %s'
                        % (result.returncode, said[0].strip()))
    return True


def _write_text(path, text):
    with open(path, 'w') as file:
        file.write(text)

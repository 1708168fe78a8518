"""Stands in for Huawei's atc: checks its options, and packs all that it is given into the .om."""
import base64
import json
import os
import re
import sys

KNOWN = {'framework', 'model', 'output', 'soc_version', 'input_format', 'input_shape',
         'dynamic_image_size', 'insert_op_conf', 'out_nodes', 'output_type'}


def main(words):
    options = dict(re.fullmatch(r'--(\w+)=(.+)', word).groups() for word in words)
    assert set(options) <= KNOWN, set(options) - KNOWN
    assert (options['framework'], options['input_format']) == ('3', 'NHWC')
    if os.environ.get('FAKE_ATC_FAILS'):
        print('ATC run failed, Please check the detail log\nE40000: no such chip\n')
        return 1
    name, shape = options['input_shape'].split(':')
    batch, height, width, channels = map(int, shape.split(','))
    sizes = [[height, width]]
    if 'dynamic_image_size' in options:
        assert (height, width) == (-1, -1)
        sizes = [list(map(int, size.split(','))) for size in
                 options['dynamic_image_size'].split(';')]
        assert len(sizes) >= 2
    with open(options['model'], 'rb') as file:
        graph = base64.b64encode(file.read()).decode()
    with open(options['output'] + '.om', 'w') as file:
        json.dump({'graph': graph, 'input': name, 'output': options['out_nodes'], 'sizes': sizes,
                   'channels': channels, 'aipp': aipp(options.get('insert_op_conf')),
                   'chip': options['soc_version'], 'type': options['output_type']}, file)
    return 0


def aipp(path):
    """The settings in a configuration of AIPP, or None without one."""
    if path is None:
        return None
    with open(path) as file:
        body = re.fullmatch(r'\s*aipp_op\s*\{(.*)\}\s*', file.read(), re.DOTALL).group(1)
    return dict(re.fullmatch(r'\s*(\w+)\s*:\s*(\S+)\s*', line).groups()
                for line in body.strip().splitlines())


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

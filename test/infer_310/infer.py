"""Enlarges pictures on an Ascend 310 with an offline model of export.py and atc.

Needs NumPy, Pillow and CANN's acl, and nothing else of this project, so that it can be copied to
the device.  Pictures that are larger than what the model takes are computed in windows.
"""
import argparse
import importlib
import os
import sys
import time

import numpy as np
from PIL import Image

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff')
HUGE_PAGES_FIRST = 0
TO_DEVICE, TO_HOST = 1, 2
TYPES = {0: np.float32, 1: np.float16, 4: np.uint8}
SIZE_INPUT = 'ascend_mbatch_shape_data'  # which an om of several sizes has beside its picture


class Failure(Exception):
    """What ends the program with one line."""


def main():
    options = parse()
    names = list_pictures(options.input)
    os.makedirs(options.output, exist_ok=True)
    spent = 0.0
    with Device(options.device) as acl, OfflineModel(acl, options.model) as model:
        for name in names:
            picture = read(os.path.join(options.input, name))
            began = time.time()
            enlarged = enlarge(model, picture, options.overlap)
            spent += time.time() - began
            write(os.path.join(options.output, os.path.splitext(name)[0] + '.png'), enlarged)
    print('%d pictures enlarged, in %s' % (len(names), options.output))
    print('Inference sec/image : %.4f' % (spent / len(names)))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--model', required=True, help='the .om')
    parser.add_argument('--input', required=True, help='the folder of pictures')
    parser.add_argument('--output', required=True, help='the folder for what is made of them')
    parser.add_argument('--device', type=int, default=os.environ.get('ASCEND_DEVICE_ID', '0'),
                        help='the number of the chip [%(default)s]')
    parser.add_argument('--overlap', type=int, default=32,
                        help='pixels that neighbouring windows share [%(default)s]')
    return parser.parse_args()


def list_pictures(folder):
    if not os.path.isdir(folder):
        raise Failure('--input=%s: no such folder' % folder)
    names = sorted(os.path.relpath(os.path.join(place, name), folder)
                   for place, _, files in os.walk(folder) for name in files
                   if name.lower().endswith(EXTENSIONS))
    if not names:
        raise Failure('--input=%s: holds no pictures (%s)' % (folder, ', '.join(EXTENSIONS)))
    return names


def read(path):
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert('RGB'))
    except (OSError, ValueError) as error:
        raise Failure('%s: cannot be read: %s' % (path, error)) from error


def write(path, picture):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = '%s.%d.tmp' % (path, os.getpid())
    Image.fromarray(picture).save(temporary, format='PNG')
    os.replace(temporary, path)


def enlarge(model, picture, overlap):
    """The picture as the model makes it, uint8."""
    height, width = picture.shape[:2]
    size = fitting(model.sizes, height, width, overlap)
    # What is smaller than a window is continued by its edge.
    padding = [(0, max(0, size[0] - height)), (0, max(0, size[1] - width)), (0, 0)]
    padded = np.pad(picture, padding, mode='edge')
    result = None
    for top, rows in windows(padded.shape[0], size[0], overlap):
        for left, columns in windows(padded.shape[1], size[1], overlap):
            part = model(padded[top:top + size[0], left:left + size[1]])
            scale = part.shape[0] // size[0]
            if result is None:
                result = np.empty((padded.shape[0] * scale, padded.shape[1] * scale, 3), np.uint8)
            source = tuple(slice((kept.start - start) * scale, (kept.stop - start) * scale)
                           for start, kept in ((top, rows), (left, columns)))
            target = tuple(slice(kept.start * scale, kept.stop * scale) for kept in (rows, columns))
            result[target] = np.clip(np.rint(part[source]), 0, 255)
    return result[:height * scale, :width * scale]


def fitting(sizes, height, width, overlap):
    """The size of windows that a picture has to be continued least for, then the quickest."""
    def cost(size):
        padded = [max(pair) for pair in zip(size, (height, width))]
        computed = np.prod([len(windows(length, edge, overlap)) * edge
                            for length, edge in zip(padded, size)])
        return np.prod(padded), computed

    usable = [size for size in sizes if min(size) > 2 * overlap]
    if not usable:
        raise Failure('--overlap=%d: leaves nothing of windows of %s'
                      % (overlap, ', '.join('%dx%d' % size for size in sizes)))
    return min(usable, key=cost)


def windows(length, size, overlap):
    """Where windows along one side begin, and which slice of the side is taken from each."""
    count = -(-(length - 2 * overlap) // (size - 2 * overlap)) if length > size else 1
    starts = [index * (length - size) // max(1, count - 1) for index in range(count)]
    ends = [(start + size + following) // 2 for start, following in zip(starts, starts[1:])]
    return [(start, slice(first, last))
            for start, first, last in zip(starts, [0] + ends, ends + [length])]


class Device:
    """A chip, as a context whose value is the library."""

    def __init__(self, number):
        self._number = number
        try:
            self._acl = importlib.import_module('acl')
        except ImportError as error:
            raise Failure('CANN\'s Python library acl does not load (%s): source its set_env.sh'
                          % error) from error

    def __enter__(self):
        require(self._acl.init(), 'acl.init')
        require(self._acl.rt.set_device(self._number), 'acl.rt.set_device')
        self._context = result(self._acl.rt.create_context(self._number), 'acl.rt.create_context')
        return self._acl

    def __exit__(self, *failure):
        self._acl.rt.destroy_context(self._context)
        self._acl.rt.reset_device(self._number)
        self._acl.finalize()


class OfflineModel:
    """An .om on the chip, as a function of a picture of one of its `sizes`."""

    def __init__(self, acl, path):
        self._acl = acl
        if not os.path.isfile(path):
            raise Failure('--model=%s: no such file' % path)
        self._model = result(acl.mdl.load_from_file(path), 'acl.mdl.load_from_file', path)
        self._description = acl.mdl.create_desc()
        require(acl.mdl.get_desc(self._description, self._model), 'acl.mdl.get_desc')
        shape = result(acl.mdl.get_input_dims(self._description, 0), 'acl.mdl.get_input_dims')
        if len(shape['dims']) != 4 or shape['dims'][3] != 3:
            raise Failure('--model=%s: takes %s and not RGB pictures; export it with --pixels=uint8'
                          % (path, shape['dims']))
        self._input_type = self._type(acl.mdl.get_input_data_type(self._description, 0))
        self._output_type = self._type(acl.mdl.get_output_data_type(self._description, 0))
        self.sizes = [tuple(shape['dims'][1:3])]
        self._size_input = None
        if -1 in shape['dims']:
            self._size_input = result(acl.mdl.get_input_index_by_name(
                self._description, SIZE_INPUT), 'acl.mdl.get_input_index_by_name')
            known = result(acl.mdl.get_dynamic_hw(self._description, self._size_input),
                           'acl.mdl.get_dynamic_hw')
            self.sizes = [tuple(size) for size in known['hw']]

    def __enter__(self):
        mdl, description = self._acl.mdl, self._description
        self._inputs = Buffers(self._acl, [mdl.get_input_size_by_index(description, index)
                                           for index in range(mdl.get_num_inputs(description))])
        self._outputs = Buffers(self._acl, [mdl.get_output_size_by_index(description, index)
                                            for index in range(mdl.get_num_outputs(description))])
        return self

    def __exit__(self, *failure):
        self._inputs.free()
        self._outputs.free()
        self._acl.mdl.destroy_desc(self._description)
        self._acl.mdl.unload(self._model)

    def __call__(self, picture):
        mdl = self._acl.mdl
        if self._size_input is not None:
            require(mdl.set_dynamic_hw_size(self._model, self._inputs.dataset, self._size_input,
                                            *picture.shape[:2]), 'acl.mdl.set_dynamic_hw_size')
        self._inputs.fill(0, np.ascontiguousarray(picture, self._input_type))
        require(mdl.execute(self._model, self._inputs.dataset, self._outputs.dataset),
                'acl.mdl.execute')
        shape = result(mdl.get_cur_output_dims(self._description, 0),
                       'acl.mdl.get_cur_output_dims')['dims']
        return self._outputs.read(0, np.empty(shape, self._output_type))[0].astype(np.float32)

    @staticmethod
    def _type(number):
        if number not in TYPES:
            raise Failure('the model has tensors of acl\'s type %d, which is none of %s'
                          % (number, sorted(TYPES)))
        return TYPES[number]


class Buffers:
    """Memory of the chip for the inputs or the outputs of a model, as one dataset."""

    def __init__(self, acl, sizes):
        self._acl = acl
        self._sizes = sizes
        self._pointers = [result(acl.rt.malloc(size, HUGE_PAGES_FIRST), 'acl.rt.malloc')
                          for size in sizes]
        self._buffers = [acl.create_data_buffer(*pair) for pair in zip(self._pointers, sizes)]
        self.dataset = acl.mdl.create_dataset()
        for buffer in self._buffers:
            result(acl.mdl.add_dataset_buffer(self.dataset, buffer), 'acl.mdl.add_dataset_buffer')

    def fill(self, index, array):
        require(self._acl.rt.memcpy(self._pointers[index], self._sizes[index], array.ctypes.data,
                                    array.nbytes, TO_DEVICE), 'acl.rt.memcpy to the chip')

    def read(self, index, array):
        """Fills the array and returns it."""
        require(self._acl.rt.memcpy(array.ctypes.data, array.nbytes, self._pointers[index],
                                    array.nbytes, TO_HOST), 'acl.rt.memcpy from the chip')
        return array

    def free(self):
        for buffer in self._buffers:
            self._acl.destroy_data_buffer(buffer)
        for pointer in self._pointers:
            self._acl.rt.free(pointer)
        self._acl.mdl.destroy_dataset(self.dataset)


def result(answer, what, about=''):
    """The first of what most of acl's functions return; the second says whether it is one."""
    require(answer[1], what, about)
    return answer[0]


def require(code, what, about=''):
    if code:
        raise Failure('%s%s failed with code %d' % (about and about + ': ', what, code))


if __name__ == '__main__':
    try:
        main()
    except Failure as failure:
        print('%s: error: %s' % (os.path.basename(sys.argv[0]), failure), file=sys.stderr)
        sys.exit(1)

"""Stands in for CANN's Python library: runs what the stand-in for atc packed, with TensorFlow.

It keeps the rules of the real one as far as they are published: which codes are returned beside
which results, that memory of the chip is only reached by memcpy, that a size has to be chosen
where there are several; and `finalize` fails if anything was not given back.
"""
import base64
import ctypes
import json
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from sr_tf.compat import tf  # noqa: E402 - from where this file is, not from where it is run

OK, INVALID = 0, 100000
FLOAT, UINT8 = 0, 4
SIZE_INPUT = 'ascend_mbatch_shape_data'
SIZE_INPUT_BYTES = 16

held = {}  # what was made and not yet destroyed, by handle
state = {'initialised': False, 'device': None, 'next': 1000}


def init():
    state['initialised'] = True
    return OK


def finalize():
    assert not held, 'not given back: %s' % sorted(type(item).__name__ for item in held.values())
    assert state['device'] is None, 'the device was not reset'
    return OK


def create_data_buffer(pointer, size):
    assert size <= len(held[pointer])
    return hold(('buffer', pointer, size))


def destroy_data_buffer(handle):
    del held[handle]
    return OK


def hold(item):
    state['next'] += 1
    held[state['next']] = item
    return state['next']


class Context:
    pass


class rt:
    @staticmethod
    def set_device(number):
        assert state['initialised']
        if number != 0:
            return 107001
        state['device'] = number
        return OK

    @staticmethod
    def reset_device(number):
        assert number == state['device']
        state['device'] = None
        return OK

    @staticmethod
    def create_context(number):
        assert number == state['device']
        return hold(Context()), OK

    @staticmethod
    def destroy_context(handle):
        del held[handle]
        return OK

    @staticmethod
    def malloc(size, policy):
        assert policy in (0, 1, 2)
        return hold(bytearray(size)), OK

    @staticmethod
    def free(pointer):
        del held[pointer]
        return OK

    @staticmethod
    def memcpy(target, room, source, size, direction):
        if size > room:
            return INVALID
        if direction == 1:
            held[target][:size] = ctypes.string_at(source, size)
        else:
            assert direction == 2
            ctypes.memmove(target, bytes(held[source][:size]), size)
        return OK


class Model:
    def __init__(self, packed):
        self.__dict__.update(packed)
        definition = tf.GraphDef.FromString(base64.b64decode(self.graph))
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(definition, name='')
        self._session = tf.Session(graph=graph)
        self.itemsize = 4 if self.aipp is None else 1
        self.chosen = self.sizes[0] if len(self.sizes) == 1 else None
        self.scale = self.run(np.zeros([1, 4, 4, self.channels], np.float32)).shape[1] // 4

    def run(self, batch):
        return self._session.run(self.output, {self.input + ':0': batch})

    def preprocessed(self, memory):
        height, width = self.chosen
        dtype = np.float32 if self.aipp is None else np.uint8
        shape = (1, height, width, self.channels)
        batch = np.frombuffer(memory, dtype, int(np.prod(shape))).reshape(shape)
        if self.aipp is None:
            return batch
        assert (self.aipp['aipp_mode'], self.aipp['input_format']) == ('static', 'RGB888_U8')
        assert self.aipp['csc_switch'] == self.aipp['rbuv_swap_switch'] == 'false'
        mean, least, factor = ([float(self.aipp['%s_%d' % (name, channel)]) for channel in range(3)]
                               for name in ('mean_chn', 'min_chn', 'var_reci_chn'))
        return ((batch.astype(np.float32) - mean - least) * factor).astype(np.float32)

    def largest(self, scale=1):
        return max(height * width for height, width in self.sizes) * scale ** 2


class mdl:
    @staticmethod
    def load_from_file(path):
        try:
            with open(path) as file:
                return hold(Model(json.load(file))), OK
        except ValueError:
            return 0, 500002

    @staticmethod
    def unload(handle):
        del held[handle]
        return OK

    @staticmethod
    def create_desc():
        return hold({})

    @staticmethod
    def get_desc(handle, model):
        held[handle]['model'] = held[model]
        return OK

    @staticmethod
    def destroy_desc(handle):
        del held[handle]
        return OK

    @staticmethod
    def get_num_inputs(handle):
        return 1 if len(held[handle]['model'].sizes) == 1 else 2

    @staticmethod
    def get_num_outputs(handle):
        return 1

    @staticmethod
    def get_input_dims(handle, index):
        model = held[handle]['model']
        edges = model.sizes[0] if len(model.sizes) == 1 else [-1, -1]
        return {'name': model.input, 'dimCount': 4, 'dims': [1] + edges + [model.channels]}, OK

    @staticmethod
    def get_cur_output_dims(handle, index):
        model = held[handle]['model']
        height, width = model.chosen
        return {'name': model.output, 'dimCount': 4,
                'dims': [1, height * model.scale, width * model.scale, model.channels]}, OK

    @staticmethod
    def get_input_data_type(handle, index):
        return FLOAT if held[handle]['model'].aipp is None else UINT8

    @staticmethod
    def get_output_data_type(handle, index):
        assert held[handle]['model'].type == 'FP32'
        return FLOAT

    @staticmethod
    def get_input_size_by_index(handle, index):
        model = held[handle]['model']
        if index == 1:
            return SIZE_INPUT_BYTES
        return model.largest() * model.channels * model.itemsize

    @staticmethod
    def get_output_size_by_index(handle, index):
        model = held[handle]['model']
        return model.largest(model.scale) * model.channels * 4

    @staticmethod
    def get_input_index_by_name(handle, name):
        several = len(held[handle]['model'].sizes) > 1
        return (1, OK) if several and name == SIZE_INPUT else (0, INVALID)

    @staticmethod
    def get_dynamic_hw(handle, index):
        sizes = held[handle]['model'].sizes
        return {'hwCount': len(sizes), 'hw': sizes}, OK

    @staticmethod
    def set_dynamic_hw_size(model, dataset, index, height, width):
        if index != 1 or len(held[dataset]) != 2 or [height, width] not in held[model].sizes:
            return INVALID
        held[model].chosen = [height, width]
        return OK

    @staticmethod
    def create_dataset():
        return hold([])

    @staticmethod
    def add_dataset_buffer(dataset, buffer):
        assert held[buffer][0] == 'buffer'
        held[dataset].append(buffer)
        return dataset, OK

    @staticmethod
    def destroy_dataset(handle):
        del held[handle]
        return OK

    @staticmethod
    def execute(handle, inputs, outputs):
        model = held[handle]
        if model.chosen is None:
            return 145012
        given, made = (held[held[held[dataset][0]][1]] for dataset in (inputs, outputs))
        picture = model.run(model.preprocessed(given)).astype(np.float32).tobytes()
        made[:len(picture)] = picture
        return OK

"""Readers of PyTorch and MindSpore checkpoints: what they read, and what they refuse."""
import binascii
import glob
import io
import os
import pickle
import random
import struct
import zipfile
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from sr_tf.errors import UserError
from sr_tf.weights import mindspore_file, torch_file

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data', 'weights')
CHECKPOINTS = sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, '*.*.pth')))
MODULE = os.path.join(FOLDER, 'whole_module.pth')

MAGIC = 0x1950a86a20f9469cfc6c
LFS_POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 132\n'

Global = namedtuple('Global', 'module name')
Call = namedtuple('Call', 'function arguments')
Persistent = namedtuple('Persistent', 'id')
Raw = namedtuple('Raw', 'instructions')


def assembled(value):
    """Pickle instructions that make a value, including calls that no Python object stands for."""
    if isinstance(value, Raw):
        return value.instructions
    if isinstance(value, Global):
        return f'c{value.module}\n{value.name}\n'.encode()
    if isinstance(value, Call):
        return assembled(value.function) + assembled(value.arguments) + b'R'
    if isinstance(value, Persistent):
        return assembled(value.id) + b'Q'
    if isinstance(value, dict):
        items = [part for item in value.items() for part in item]
        return b'}(' + b''.join(map(assembled, items)) + b'u'
    if isinstance(value, tuple):
        return b'(' + b''.join(map(assembled, value)) + b't'
    if isinstance(value, list):
        return b'](' + b''.join(map(assembled, value)) + b'e'
    return pickle.dumps(value, 2)[2:-1]


def program(value):
    return b'\x80\x02' + assembled(value) + b'.'


def tensor(offset, size, stride, count=6, key='0', kind='FloatStorage'):
    storage = Persistent(('storage', Global('torch', kind), key, 'cpu', count))
    return Call(Global('torch._utils', '_rebuild_tensor_v2'),
                (storage, offset, size, stride, False, {}))


def zipped(pickled, storages=(), compression=zipfile.ZIP_STORED, **others):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', compression) as archive:
        archive.writestr('archive/data.pkl', pickled)
        for key, data in storages:
            archive.writestr(f'archive/data/{key}', data)
        for name, data in others.items():
            archive.writestr(f'archive/{name}', data)
    return stream.getvalue()


def legacy(pickled, storages=(), itemsize=4):
    head = [pickle.dumps(value, 2) for value in (MAGIC, 1001, {'little_endian': True})]
    keys = pickle.dumps([key for key, _ in storages], 2)
    data = [struct.pack('<q', len(data) // itemsize) + data for _, data in storages]
    return b''.join(head + [pickled, keys] + data)


@pytest.fixture(params=[zipped, legacy], ids=['zip', 'legacy'])
def container(request):
    return request.param


@pytest.fixture
def written(tmp_path):
    def write(data, name='weights'):
        path = str(tmp_path / name)
        with open(path, 'wb') as stream:
            stream.write(data)
        return path
    return write


def content(path):
    with open(path, 'rb') as stream:
        return stream.read()


def fixture_path(name):
    return os.path.join(FOLDER, name)


def refusal(read, path):
    """The message of the UserError, which must be one line that names the file."""
    with pytest.raises(UserError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(path + ': ')
    assert '\n' not in message
    return message


SIX = np.arange(6, dtype='<f4').tobytes()
STORAGES = [('0', SIX)]


class TestTorch:
    @pytest.mark.parametrize('name', CHECKPOINTS)
    def test_reads_what_pytorch_wrote(self, name):
        arrays = torch_file.read(fixture_path(name))
        with np.load(fixture_path(name.split('.')[0] + '.npz')) as expected:
            assert list(arrays) == expected.files
            for key, array in arrays.items():
                np.testing.assert_array_equal(array, expected[key])
                assert array.dtype == expected[key].dtype

    def test_every_kind_of_file_is_there(self):
        assert len(CHECKPOINTS) == 9

    def test_arrays_cannot_be_changed(self):
        array = torch_file.read(fixture_path('views.zip.pth'))['transposed']
        with pytest.raises(ValueError):
            array[0] = 0

    def test_looks_like(self, written):
        for name in CHECKPOINTS:
            assert torch_file.looks_like(fixture_path(name))
            assert torch_file.looks_like(written(content(fixture_path(name))[:-9]))
        for other in (b'', b'text', LFS_POINTER, pickle.dumps(1), model()[0]):
            assert not torch_file.looks_like(written(other))

    def test_looks_like_whatever_comes_first_in_the_zip(self, written):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, 'w') as archive:
            archive.writestr('a/data/0', bytes(2000))
            archive.writestr('a/data.pkl', program({}))
        data = stream.getvalue()
        assert torch_file.looks_like(written(data))
        assert not torch_file.looks_like(written(data.replace(b'data.pkl', b'data.txt')))

    @pytest.mark.parametrize('nested, expected', [
        (['model', 'params_ema', 'params', 'state_dict'], 'params_ema'),
        (['model', 'params'], 'params'),
        (['model', 'state_dict'], 'state_dict'),
        (['model'], 'model'),
    ])
    def test_finds_the_state_dict(self, written, container, nested, expected):
        tree = {name: {name: tensor(0, (6,), (1,))} for name in nested}
        tree['best'] = tensor(0, (), ())
        path = written(container(program(tree), STORAGES))
        assert list(torch_file.read(path)) == [expected]

    def test_settings_under_a_known_name_are_not_weights(self, written, container):
        tree = {'params': {'rate': 0.1}, 'model': {'weight': tensor(0, (2, 3), (3, 1))}}
        arrays = torch_file.read(written(container(program(tree), STORAGES)))
        np.testing.assert_array_equal(arrays['weight'], [[0, 1, 2], [3, 4, 5]])

    def test_the_prefix_stays_where_it_is_not_everywhere(self, written, container):
        tree = {'module.a': tensor(0, (6,), (1,)), 'b': tensor(0, (6,), (1,))}
        arrays = torch_file.read(written(container(program(tree), STORAGES)))
        assert list(arrays) == ['module.a', 'b']

    def test_python_2(self, written, container):
        pair = Raw(b'](U\x01a' + assembled(tensor(0, (6,), (1,))) + b'e')
        tree = Call(Global('collections', 'OrderedDict'), ([pair],))
        np.testing.assert_array_equal(
            torch_file.read(written(container(program(tree), STORAGES)))['a'], range(6))

    def test_storage_views_of_pytorch_0(self, written):
        part = Persistent(('storage', Global('torch', 'FloatStorage'), '0', 'cpu', 6, ('1', 2, 3)))
        tree = {'a': Call(Global('torch._utils', '_rebuild_tensor'), (part, 1, (2,), (1,)))}
        arrays = torch_file.read(written(legacy(program(tree), STORAGES)))
        np.testing.assert_array_equal(arrays['a'], [3, 4])

    def test_big_endian(self, written):
        storages = [('0', np.arange(6, dtype='>f4').tobytes())]
        path = written(zipped(program({'a': tensor(0, (6,), (1,))}), storages, byteorder='big'))
        array = torch_file.read(path)['a']
        np.testing.assert_array_equal(array, range(6))
        assert array.dtype.isnative

    @pytest.mark.parametrize('protocol', [2, 3, 4])
    @pytest.mark.parametrize('wrap', [lambda evil: evil, lambda evil: {'params': [{'a': evil}]}])
    def test_runs_nothing(self, written, container, tmp_path, protocol, wrap):
        marker = tmp_path / 'marker'

        class Evil:
            def __reduce__(self):
                return os.system, (f'touch "{marker}"',)

        path = written(container(pickle.dumps(wrap(Evil()), protocol)))
        assert 'system, which is not a tensor: refused' in refusal(torch_file.read, path)
        assert not marker.exists()

    @pytest.mark.parametrize('module, name', [
        ('os', 'system'), ('builtins', 'eval'), ('torch', 'load'), ('torch.hub', 'load'),
        ('collections', 'OrderedDict.fromkeys'), ('torch._utils', '_rebuild_wrapper_subclass'),
    ])
    def test_names_what_it_refuses(self, written, container, module, name):
        path = written(container(program({'a': Call(Global(module, name), ('x',))})))
        assert f'asks for {module}.{name}, which is not a tensor: refused' in refusal(
            torch_file.read, path)

    def test_names_it_on_one_line(self, written, container):
        pickled = b'\x80\x04\x8c\x02o\n\x8c\x02s\n\x93.'
        assert r'asks for o\n.s\n, ' in refusal(torch_file.read, written(container(pickled)))

    @pytest.mark.parametrize('instructions', [
        assembled(Global('torch', 'FloatStorage')) + b')R',
        assembled(Global('torch', 'Size')) + b'}R',
        assembled(Global('torch._utils', '_rebuild_tensor_v2')) + b')R',
        assembled(Persistent(('module', 'a', 'b', 'c', 1))),
        assembled(Persistent(('storage', 'FloatStorage', '0', 'cpu', 1))),
        assembled(Persistent('storage')),
        b'Na', b'NNNs', b'(NNNu', b'}(NNNu', b'R', b't', b'h\x07', b'\x93', b'(', b'cos',
        b'X\x02\0\0\0\xff\xff', b'ccollections\nOrderedDict\n}b',
    ])
    def test_senseless_instructions(self, written, container, instructions):
        refusal(torch_file.read, written(container(b'\x80\x02' + instructions + b'.')))

    def test_whole_module(self, written):
        with zipfile.ZipFile(MODULE) as archive:
            pickled = archive.read('whole_module/data.pkl')
        for path in (MODULE, written(legacy(pickled))):
            message = refusal(torch_file.read, path)
            assert 'whole nn.Module' in message
            assert 'torch.nn.modules.container.Sequential' in message
            assert 'state_dict()' in message

    @pytest.mark.parametrize('offset, size, stride', [
        (7, (1,), (1,)), (6, (), ()), (1, (6,), (1,)), (0, (2, 3), (4, 1)), (0, (2, 3), (3, 2)),
        (-1, (2,), (1,)), (5, (2,), (-1,)), (0, (-2,), (1,)), (0, (-2, -3), (3, 1)),
        (0, (7,), (0,)), (0, (2 ** 40,), (0,)), (0, (2 ** 62, 4), (0, 0)), (0, (2,), (2 ** 62,)),
        (0, (2 ** 64, 0), (1, 1)), (0, (2 ** 62, 2 ** 62, 0), (1, 1, 1)), (0, (1,) * 33, (1,) * 33),
        (0, (2.0,), (1,)), (0, (2,), (1, 1)), (0, 6, 1), (None, (6,), (1,)),
    ])
    def test_no_tensor_reaches_outside_its_storage(self, written, container, offset, size, stride):
        tree = {'a': tensor(offset, size, stride)}
        assert 'damaged' in refusal(torch_file.read, written(container(program(tree), STORAGES)))

    @pytest.mark.parametrize('count', [5, 7, 2 ** 40, 2 ** 62, -6, 6.0, None])
    def test_a_storage_has_the_size_it_says(self, written, container, count):
        tree = {'a': tensor(0, (2,), (1,), count=count)}
        assert 'damaged' in refusal(torch_file.read, written(container(program(tree), STORAGES)))

    def test_a_storage_has_one_type(self, written, container):
        tree = {'a': tensor(0, (2,), (1,)), 'b': tensor(0, (2,), (1,), kind='IntStorage')}
        assert 'two ways' in refusal(torch_file.read, written(container(program(tree), STORAGES)))

    def test_a_storage_that_is_not_there(self, written, container):
        tree = {'a': tensor(0, (2,), (1,))}
        assert 'damaged' in refusal(torch_file.read, written(container(program(tree))))

    def test_an_unused_storage_need_not_be_there(self, written):
        tree = {'params': {'a': tensor(0, (2,), (1,))}, 'optimizer': tensor(0, (2,), (1,), key='1')}
        assert list(torch_file.read(written(zipped(program(tree), STORAGES)))) == ['a']

    @pytest.mark.parametrize('instructions', [
        b'Nr\xff\xff\xff\xff', b'B\xff\xff\xff\xff', b'X\xff\xff\xff\xff',
        b'\x95' + b'\xff' * 8, b'\x96' + b'\xff' * 8, b'\x8e' + b'\xff' * 8,
    ], ids=['memo', 'bytes', 'text', 'frame', 'bytearray', 'long bytes'])
    def test_allocates_nothing_because_it_is_told_to(self, written, container, instructions):
        refusal(torch_file.read, written(container(b'\x80\x02' + instructions + b'.')))

    def test_a_key_that_takes_forever_to_hash(self, written, container):
        doubled = b')' + b'q\x00h\x00\x86' * 60
        tree = {Raw(doubled): 1, 'a': tensor(0, (6,), (1,))}
        assert list(torch_file.read(written(container(program(tree), STORAGES)))) == ['a']

    def test_depth(self, written, container):
        nested = Raw(b')' + b'\x85' * 100000)
        tree = {'deep': nested, 'a': tensor(0, (6,), (1,))}
        assert list(torch_file.read(written(container(program(tree), STORAGES)))) == ['a']

    @pytest.mark.parametrize('tree', [[], {}, {'epoch': 1}, {'model': {'a': 1}}, 'text'])
    def test_no_state_dict(self, written, container, tree):
        assert 'state_dict()' in refusal(torch_file.read, written(container(program(tree))))

    def test_other_zip_files(self, written):
        pickled = program({'a': tensor(0, (6,), (1,))})
        compressed = zipped(pickled, STORAGES, zipfile.ZIP_DEFLATED)
        assert 'compressed' in refusal(torch_file.read, written(compressed))
        assert 'TorchScript' in refusal(
            torch_file.read, written(zipped(pickled, STORAGES, **{'constants.pkl': b''})))
        assert 'byte order' in refusal(
            torch_file.read, written(zipped(pickled, STORAGES, byteorder='middle')))
        assert 'no data.pkl' in refusal(
            torch_file.read, written(zipped(pickled).replace(b'data.pkl', b'data.txt')))

    def test_a_zip_file_that_says_it_is_large(self, written):
        data = bytearray(zipped(program({'a': tensor(0, (6,), (1,))}), STORAGES))
        entry = data.rindex(b'PK\1\2')
        data[entry + 20:entry + 28] = struct.pack('<II', 2 ** 31, 2 ** 31)
        assert 'larger than the file' in refusal(torch_file.read, written(bytes(data)))

    def test_unknown_legacy_version(self, written):
        data = pickle.dumps(MAGIC, 2) + pickle.dumps(1002, 2)
        assert 'version' in refusal(torch_file.read, written(data))


def varint(number):
    groups = [number >> shift & 0x7f for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def proto_tensor(dims, type_name, data, packed=False):
    if packed:
        encoded_dims = field(1, b''.join(map(varint, dims)))
    else:
        encoded_dims = b''.join(field(1, dim) for dim in dims)
    return encoded_dims + field(2, type_name.encode()) + field(3, data)


def value(name, dims, type_name, data, packed=False):
    return field(1, name.encode()) + field(2, proto_tensor(dims, type_name, data, packed))


def checkpoint(*values):
    return b''.join(field(1, encoded) for encoded in values)


def model():
    """A checkpoint of some hundred bytes that uses all of the format, and its arrays."""
    generator = np.random.RandomState(0)
    arrays = OrderedDict([
        ('conv.weight', generator.rand(3, 2, 2).astype('<f4')),
        ('conv.bias', generator.rand(3).astype('<f2')),
        ('ordinary', generator.rand(2, 1)),
        ('steps', np.array([5, -6], '<i8')),
        ('kept', np.array([[True], [False]])),
        ('one', np.array([2], '<i4')),
    ])
    encoded = []
    for index, (name, array) in enumerate(arrays.items()):
        type_name = array.dtype.name.capitalize()
        encoded.append(value(name, array.shape, type_name, array.tobytes(), packed=index % 2))
    return checkpoint(*encoded), arrays


class TestMindSpore:
    def test_reads(self, written):
        data, expected = model()
        path = written(data)
        arrays = mindspore_file.read(path)
        assert mindspore_file.looks_like(path)
        assert list(arrays) == list(expected)
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, expected[name])
            assert array.dtype == expected[name].dtype

    @pytest.mark.parametrize('dims', [[], [0]])
    def test_scalar(self, written, dims):
        path = written(checkpoint(value('step', dims, 'Int32', struct.pack('<i', 7))))
        assert mindspore_file.read(path)['step'].shape == ()
        assert mindspore_file.read(path)['step'] == 7

    def test_no_elements(self, written):
        path = written(checkpoint(value('a', [0], 'Int32', b''), value('b', [3, 0], 'Bool', b'')))
        assert [array.shape for array in mindspore_file.read(path).values()] == [(0,), (3, 0)]

    def test_bfloat16_becomes_float32(self, written):
        expected = np.array([1.5, -2.0, 2.0 ** 100], '<f4')
        path = written(checkpoint(value('a', [3], 'BFloat16', (expected.view('<u4') >> 16).astype(
            '<u2').tobytes())))
        array = mindspore_file.read(path)['a']
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == np.float32

    def test_joins_the_pieces_of_a_tensor(self, written):
        numbers = np.arange(12, dtype='<f4').tobytes()
        pieces = [value('big', [3, 4], 'Float32', part) for part in (numbers[:10], numbers[10:])]
        arrays = mindspore_file.read(written(checkpoint(*pieces, value('b', [1], 'Int8', b'1'))))
        np.testing.assert_array_equal(arrays['big'], np.arange(12).reshape(3, 4))
        assert list(arrays) == ['big', 'b']

    def test_pieces_that_do_not_agree(self, written):
        pieces = [value('big', [2, dim], 'Int8', b'12') for dim in (2, 3)]
        assert 'do not agree' in refusal(mindspore_file.read, written(checkpoint(*pieces)))

    def test_skips_unknown_fields(self, written):
        unknown = field(9, 300) + field(10, b'abc') + b'\x59' + bytes(8) + b'\x5d' + bytes(4)
        inner = proto_tensor([2], 'Int8', b'\1\2') + unknown
        data = field(1, field(1, b'a') + field(2, inner) + unknown) + unknown
        np.testing.assert_array_equal(mindspore_file.read(written(data))['a'], [1, 2])

    def test_skips_notes(self, written):
        data = checkpoint(value('note', [0], 'str', 'x'.encode('utf-32')), value(
            'a', [1], 'UInt8', b'\3'))
        assert list(mindspore_file.read(written(data))) == ['a']

    def test_checksum(self, written):
        data, expected = model()
        for checksum, right in ((binascii.crc32(data), True), (1, False)):
            path = written(data + b'crc_num' + checksum.to_bytes(10, 'big'))
            if right:
                assert list(mindspore_file.read(path)) == list(expected)
            else:
                assert 'checksum' in refusal(mindspore_file.read, path)

    @pytest.mark.parametrize('dims', [
        [3], [5], [2, 3], [1] * 33 + [4], [2 ** 64 - 1, 4], [2 ** 62, 4], [2 ** 63, 2], [0, 0], [0],
    ])
    def test_bytes_that_do_not_match_the_dims(self, written, dims):
        path = written(checkpoint(value('a.b', dims, 'Int16', bytes(8))))
        assert "'a.b'" in refusal(mindspore_file.read, path)

    def test_half_an_element(self, written):
        path = written(checkpoint(value('a', [2], 'Int16', bytes(5))))
        assert 'damaged' in refusal(mindspore_file.read, path)

    def test_unknown_type(self, written):
        path = written(checkpoint(value('a', [1], 'Complex64', bytes(8))))
        assert "'a' has the type 'Complex64'" in refusal(mindspore_file.read, path)

    def test_map_parameter(self, written):
        plain = value('a', [1], 'Int8', b'1')
        path = written(checkpoint(plain, field(1, b'table') + field(3, b'')))
        assert "'table' is not a plain tensor" in refusal(mindspore_file.read, path)

    @pytest.mark.parametrize('damage', [
        field(1, 5), field(1, field(1, 5)), field(1, field(1, b'\xff')), field(1, b''),
        field(1, field(1, b'a') + field(2, 5)),
        field(1, field(1, b'a') + field(2, field(2, b'Int8'))),
        field(1, field(1, b'a') + field(2, proto_tensor([1], 'Int8', b'1') + field(3, 5))),
        b'\x0b', b'\xff' * 11, b'\x0a\xff\xff\xff\xff\x7f',
    ])
    def test_damage_after_a_good_start(self, written, damage):
        data, _ = model()
        assert 'damaged' in refusal(mindspore_file.read, written(data + damage))

    def test_only_notes(self, written):
        path = written(checkpoint(value('note', [0], 'str', b'\0\0')))
        assert 'no tensors' in refusal(mindspore_file.read, path)

    def test_looks_like(self, written):
        data, _ = model()
        assert mindspore_file.looks_like(written(data[:200]))
        for other in (b'', b'\n', b'\ntext\nmore', LFS_POINTER, bytes(100), pickle.dumps([1])):
            assert not mindspore_file.looks_like(written(other))
        for name in CHECKPOINTS:
            assert not mindspore_file.looks_like(fixture_path(name))


@pytest.mark.parametrize('reader', [torch_file, mindspore_file])
class TestImpostors:
    @pytest.mark.parametrize('data, expected', [
        (b'', 'is empty'),
        (LFS_POINTER, 'git-lfs'),
        ('<html>ä</html>\r\n'.encode(), 'is a text file'),
        (bytes(range(256)), 'is not a '),
        (b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'is not a '),
    ])
    def test_content(self, written, reader, data, expected):
        assert expected in refusal(reader.read, written(data))

    @pytest.mark.parametrize('function', ['read', 'looks_like'])
    def test_no_file(self, tmp_path, reader, function):
        assert 'no such file' in refusal(getattr(reader, function), str(tmp_path / 'absent'))
        assert 'cannot be read' in refusal(getattr(reader, function), str(tmp_path))


def seeds():
    """(reader, good content, how to put changed content into a file) of each kind of file."""
    for name in CHECKPOINTS:
        data = content(fixture_path(name))
        yield pytest.param(torch_file, data, lambda changed: changed, id=name)
        if '.legacy.' not in name:
            yield pytest.param(torch_file, *_pickle_and_rezip(data), id=name + ' pickle')
    yield pytest.param(mindspore_file, model()[0], lambda changed: changed, id='mindspore')


def _pickle_and_rezip(data):
    """Changes inside the pickle would mostly stop at the checksum of the zip file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        folder = archive.namelist()[0].split('/')[0]
        storages = [(name.rsplit('/', 1)[1], archive.read(name)) for name in archive.namelist()
                    if name.startswith(folder + '/data/')]
        pickled = archive.read(folder + '/data.pkl')
    return pickled, lambda changed: zipped(changed, storages)


def read_or_refuse(reader, path):
    reader.looks_like(path)
    try:
        arrays = reader.read(path)
    except UserError as error:
        assert str(error).startswith(path)
        return
    for array in arrays.values():
        assert np.array(array).nbytes < 1e6


@pytest.mark.parametrize('reader, data, wrap', list(seeds()))
class TestDamage:
    def test_truncated(self, written, reader, data, wrap):
        for length in range(0, len(data), 49):
            read_or_refuse(reader, written(wrap(data[:length])))

    def test_changed(self, written, reader, data, wrap):
        generator = random.Random(0)
        for _ in range(40):
            changed = bytearray(data)
            for _ in range(generator.choice((1, 1, 3))):
                changed[generator.randrange(len(data))] = generator.randrange(256)
            read_or_refuse(reader, written(wrap(bytes(changed))))

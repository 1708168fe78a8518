"""The pickle inside a PyTorch checkpoint, read without running anything that it asks for.

A pickle is a program for a stack machine that can call every function by its name. The machine
here knows the instructions that `torch.save` emits and a short list of names, for each of which it
has a harmless stand-in of its own; whatever else a file asks for is refused. It is not built on
`pickle.Unpickler`, which sets attributes and allocates memory as the file tells it to.
"""
import pickle
import struct
from collections import OrderedDict, namedtuple

from sr_tf.weights.raw_file import Unreadable, damaged

Storage = namedtuple('Storage', 'key kind count start')
Tensor = namedtuple('Tensor', 'storage offset size stride')
Loaded = namedtuple('Loaded', 'value end storages')

STORAGE_KINDS = {
    'torch.DoubleStorage': 'float64',
    'torch.FloatStorage': 'float32',
    'torch.HalfStorage': 'float16',
    'torch.BFloat16Storage': 'bfloat16',
    'torch.LongStorage': 'int64',
    'torch.IntStorage': 'int32',
    'torch.ShortStorage': 'int16',
    'torch.CharStorage': 'int8',
    'torch.ByteStorage': 'uint8',
    'torch.BoolStorage': 'bool',
    'torch.storage.UntypedStorage': 'uint8',
}

_IGNORED = object()  # a value that cannot be part of a model's weights


def load(data, start=0):
    """The object pickled in `data` from `start` on, where its pickle ends, and its storages.

    Tensors come as Tensor, whose sizes are only known to be non-negative integers. Mappings keep
    the items that have text for a key.
    """
    return _Machine(data, start).run()


class _Global:
    def __init__(self, name):
        self.name = name


class _Machine:
    def __init__(self, data, start):
        self._data = data
        self._position = start
        self._stack = []
        self._marks = []
        self._memo = {}
        self._storages = {}

    def run(self):
        while True:
            opcode = self.take(1)
            if opcode == pickle.STOP:
                return Loaded(self.pop(), self._position, self._storages)
            if opcode not in _ACTIONS:
                raise damaged(f'the pickle has an instruction {opcode!r}, '
                              'which torch.save never writes')
            _ACTIONS[opcode](self)

    def take(self, count):
        taken = self._data[self._position:self._position + count]
        if len(taken) < count:
            raise damaged('the pickle ends too soon')
        self._position += count
        return taken

    def number(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def long(self):
        return int.from_bytes(self.take(self.number('B')), 'little', signed=True)

    def text(self, length_layout):
        return _decoded(self.take(self.number(length_layout)))

    def line(self):
        end = self._data.find(b'\n', self._position)
        if end < 0:
            raise damaged('the pickle ends too soon')
        line = _decoded(self.take(end - self._position))
        self.take(1)
        return line

    def push(self, value):
        self._stack.append(value)

    def pop(self):
        if not self._stack:
            raise _malformed()
        return self._stack.pop()

    def top(self):
        if not self._stack:
            raise _malformed()
        return self._stack[-1]

    def mark(self):
        self._marks.append(len(self._stack))

    def pop_to_mark(self):
        if not self._marks:
            raise _malformed()
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    def push_tuple(self, length):
        self.push(tuple([self.pop() for _ in range(length)][::-1]))

    def remember(self, index):
        self._memo[index] = self.top()

    def memoize(self):
        self.remember(len(self._memo))

    def recall(self, index):
        if index not in self._memo:
            raise _malformed()
        self.push(self._memo[index])

    def append(self, values):
        target = self.top()
        if not isinstance(target, list):
            raise _malformed()
        target.extend(values)

    def set_items(self, keys_and_values):
        target = self.top()
        if not isinstance(target, dict) or len(keys_and_values) % 2:
            raise _malformed()
        _put(target, zip(keys_and_values[::2], keys_and_values[1::2]))

    def set_item(self):
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def push_stack_global(self):
        name, module = self.pop(), self.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise _malformed()
        self.push_global(module, name)

    def push_global(self, module, name):
        name = f'{module}.{name}'
        if name not in _STAND_INS and name not in STORAGE_KINDS:
            raise self._refusal(ascii(name)[1:-1])
        self.push(_Global(name))

    def _refusal(self, name):
        # Every pickled nn.Module has this attribute, whatever its class.
        if b'_modules' in self._data:
            return Unreadable(f'holds a whole nn.Module (it asks for {name}), which only its own '
                              'code can load; save its state_dict() instead')
        return Unreadable(f'asks for {name}, which is not a tensor: refused; '
                          'save the state_dict() alone')

    def reduce(self):
        arguments, function = self.pop(), self.pop()
        if not (isinstance(function, _Global) and isinstance(arguments, tuple)
                and function.name in _STAND_INS):
            raise _malformed()
        try:
            self.push(_STAND_INS[function.name](*arguments))
        except TypeError:
            raise _malformed() from None

    def push_storage(self):
        storage = _storage(self.pop())
        known = self._storages.setdefault(storage.key, storage)
        if (known.kind, known.count) != (storage.kind, storage.count):
            raise damaged(f'storage {storage.key!r} is described in two ways')
        self.push(storage)


def _malformed():
    return damaged('the pickle makes no sense')


def _decoded(data):
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        raise _malformed() from None


def _put(mapping, items):
    # Other keys than text are dropped, not hashed: nested tuples take forever.
    mapping.update((key, value) for key, value in items if isinstance(key, str))


def _are_counts(values):
    return isinstance(values, tuple) and all(
        isinstance(value, int) and value >= 0 for value in values)


def _storage(persistent_id):
    if not isinstance(persistent_id, tuple) or len(persistent_id) not in (5, 6):
        raise _malformed()
    tag, storage_type, key, _, count = persistent_id[:5]
    if not (isinstance(tag, str) and tag == 'storage' and isinstance(key, str)
            and isinstance(storage_type, _Global) and storage_type.name in STORAGE_KINDS
            and _are_counts((count,))):
        raise _malformed()
    return Storage(key, STORAGE_KINDS[storage_type.name], count, _view_start(persistent_id[5:]))


def _view_start(view_metadata):
    """PyTorch before 0.4 stored parts of a storage as (key of the part, start, length)."""
    if view_metadata in ((), (None,)):
        return 0
    view = view_metadata[0]
    if not (isinstance(view, tuple) and len(view) == 3 and _are_counts(view[1:])):
        raise _malformed()
    return view[1]


def _rebuild_tensor(storage, offset, size, stride, *_):
    if not (isinstance(storage, Storage) and _are_counts((offset,)) and _are_counts(size)
            and _are_counts(stride) and len(size) == len(stride)):
        raise _malformed()
    return Tensor(storage, storage.start + offset, size, stride)


def _rebuild_parameter(data, *_):
    return data


def _ordered_dict(pairs=()):
    """With pairs where Python 2 wrote it."""
    if not (isinstance(pairs, (list, tuple))
            and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs)):
        raise _malformed()
    mapping = OrderedDict()
    _put(mapping, pairs)
    return mapping


def _size(sizes=()):
    if not isinstance(sizes, (list, tuple)):
        raise _malformed()
    return tuple(sizes)


def _ignore(*_):
    return _IGNORED


_STAND_INS = {
    'collections.OrderedDict': _ordered_dict,
    'torch._utils._rebuild_tensor': _rebuild_tensor,
    'torch._utils._rebuild_tensor_v2': _rebuild_tensor,
    'torch._utils._rebuild_parameter': _rebuild_parameter,
    'torch.Size': _size,
}
_STAND_INS.update(dict.fromkeys((
    'torch.device', 'collections.Counter', '_codecs.encode',
    'numpy.dtype', 'numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar',
    'builtins.set', '__builtin__.set', 'builtins.frozenset', '__builtin__.frozenset',
    'builtins.bytearray', '__builtin__.bytearray', 'builtins.complex', '__builtin__.complex',
), _ignore))

_ACTIONS = {
    pickle.PROTO: lambda machine: machine.take(1),
    pickle.FRAME: lambda machine: machine.take(8),
    pickle.NONE: lambda machine: machine.push(None),
    pickle.NEWTRUE: lambda machine: machine.push(True),
    pickle.NEWFALSE: lambda machine: machine.push(False),
    pickle.BININT: lambda machine: machine.push(machine.number('<i')),
    pickle.BININT1: lambda machine: machine.push(machine.number('B')),
    pickle.BININT2: lambda machine: machine.push(machine.number('<H')),
    pickle.LONG1: lambda machine: machine.push(machine.long()),
    pickle.BINFLOAT: lambda machine: machine.push(machine.number('>d')),
    pickle.BINUNICODE: lambda machine: machine.push(machine.text('<I')),
    pickle.SHORT_BINUNICODE: lambda machine: machine.push(machine.text('B')),
    # What Python 2 calls a string may be the bytes of a NumPy scalar: Latin-1 decodes both.
    pickle.BINSTRING: lambda machine: machine.push(
        machine.take(machine.number('<I')).decode('latin-1')),
    pickle.SHORT_BINSTRING: lambda machine: machine.push(
        machine.take(machine.number('B')).decode('latin-1')),
    pickle.BINBYTES: lambda machine: machine.push(machine.take(machine.number('<I'))),
    pickle.SHORT_BINBYTES: lambda machine: machine.push(machine.take(machine.number('B'))),
    pickle.BINPUT: lambda machine: machine.remember(machine.number('B')),
    pickle.LONG_BINPUT: lambda machine: machine.remember(machine.number('<I')),
    pickle.MEMOIZE: _Machine.memoize,
    pickle.BINGET: lambda machine: machine.recall(machine.number('B')),
    pickle.LONG_BINGET: lambda machine: machine.recall(machine.number('<I')),
    pickle.MARK: _Machine.mark,
    pickle.EMPTY_TUPLE: lambda machine: machine.push_tuple(0),
    pickle.TUPLE1: lambda machine: machine.push_tuple(1),
    pickle.TUPLE2: lambda machine: machine.push_tuple(2),
    pickle.TUPLE3: lambda machine: machine.push_tuple(3),
    pickle.TUPLE: lambda machine: machine.push(tuple(machine.pop_to_mark())),
    pickle.EMPTY_LIST: lambda machine: machine.push([]),
    pickle.APPEND: lambda machine: machine.append([machine.pop()]),
    pickle.APPENDS: lambda machine: machine.append(machine.pop_to_mark()),
    pickle.EMPTY_SET: lambda machine: machine.push([]),
    pickle.ADDITEMS: lambda machine: machine.append(machine.pop_to_mark()),
    pickle.FROZENSET: lambda machine: machine.push(machine.pop_to_mark()),
    pickle.EMPTY_DICT: lambda machine: machine.push(OrderedDict()),
    pickle.SETITEM: _Machine.set_item,
    pickle.SETITEMS: lambda machine: machine.set_items(machine.pop_to_mark()),
    pickle.GLOBAL: lambda machine: machine.push_global(machine.line(), machine.line()),
    pickle.STACK_GLOBAL: _Machine.push_stack_global,
    pickle.REDUCE: _Machine.reduce,
    pickle.NEWOBJ: _Machine.reduce,
    pickle.BUILD: _Machine.pop,  # attributes of an object are not weights
    pickle.BINPERSID: _Machine.push_storage,
}

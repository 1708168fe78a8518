"""PyTorch checkpoints as NumPy arrays, without PyTorch and without running what is in the file."""
import os
import struct
import zipfile
from collections import OrderedDict

import numpy as np

from sr_tf.weights import raw_file, torch_pickle
from sr_tf.weights.raw_file import Unreadable, damaged

_HEAD_BYTES = 1024
_ZIP_MAGIC = b'PK\x03\x04'
_LEGACY_MAGIC = (0x1950a86a20f9469cfc6c).to_bytes(10, 'little')
_LEGACY_VERSION = 1001
_COUNT_BYTES = 8

# Where training programs put the state dict; what comes first wins, averaged weights before others.
_NESTED_UNDER = ('params_ema', 'params', 'state_dict', 'model')

_ZIP_ERRORS = (zipfile.BadZipFile, RuntimeError, EOFError, ValueError,
               KeyError, OverflowError, OSError, struct.error)


def looks_like(path):
    """Whether a file has the marks of a PyTorch checkpoint, be it whole or truncated."""
    head = raw_file.read_bytes(path, _HEAD_BYTES)
    return _is_legacy(head) or _is_zip(head) and (b'/data.pkl' in head or _has_pickle(path))


def read(path):
    """The state dict of a checkpoint by parameter name, without DataParallel's `module.` prefix.

    The arrays are read-only and share memory where the tensors did.
    """
    head = raw_file.read_bytes(path, _HEAD_BYTES)
    with raw_file.naming(path):
        raw_file.refuse_placeholder(head)
        if _is_zip(head):
            return _read_zip(path)
        if _is_legacy(head):
            return _read_legacy(raw_file.read_bytes(path))
        raise Unreadable('is not a PyTorch checkpoint; give a file written by torch.save')


def _is_zip(head):
    return head.startswith(_ZIP_MAGIC)


def _is_legacy(head):
    return head.startswith(b'\x80') and _LEGACY_MAGIC in head[:32]


def _has_pickle(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith('/data.pkl') for name in archive.namelist())
    except _ZIP_ERRORS:
        return False


def _read_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            _require_plain(archive, os.path.getsize(path))
            return _read_archive(archive)
    except _ZIP_ERRORS as error:
        raise damaged(error) from error


def _require_plain(archive, file_size):
    """Members that overlap or are compressed could unpack to any amount of memory."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise Unreadable('is a compressed zip file, which torch.save never writes; '
                         'load it and save it again with PyTorch')
    if sum(member.file_size for member in members) > file_size:
        raise damaged('its parts are larger than the file')


def _read_archive(archive):
    names = archive.namelist()
    folders = [os.path.dirname(name) for name in names if name.endswith('/data.pkl')]
    if len(folders) != 1:
        raise Unreadable('is a zip file, but not a PyTorch checkpoint: it has no data.pkl')
    folder = folders[0]
    if folder + '/constants.pkl' in names:
        raise Unreadable('is a TorchScript program; save the state_dict() of the model instead')
    tree = torch_pickle.load(archive.read(folder + '/data.pkl')).value
    return _arrays(_state_dict(tree),
                   lambda storage: archive.read(f'{folder}/data/{storage.key}'),
                   _byte_order(archive, folder))


def _byte_order(archive, folder):
    name = folder + '/byteorder'
    if name not in archive.namelist():
        return '<'
    byte_order = archive.read(name)
    if byte_order not in (b'little', b'big'):
        raise damaged('unknown byte order')
    return '<' if byte_order == b'little' else '>'


def _read_legacy(data):
    magic = torch_pickle.load(data)
    version = torch_pickle.load(data, magic.end)
    if version.value != _LEGACY_VERSION:
        raise Unreadable('has an unknown version of the PyTorch format; save it again with '
                         'PyTorch 1.0 or later')
    system = torch_pickle.load(data, version.end)
    tree = torch_pickle.load(data, system.end)
    keys = torch_pickle.load(data, tree.end)
    found = _legacy_storages(data, keys, tree.storages)
    return _arrays(_state_dict(tree.value), lambda storage: found.get(storage.key, b''), '<')


def _legacy_storages(data, keys, storages):
    """The bytes of each storage: they follow each other, each after its number of elements."""
    if not isinstance(keys.value, list):
        raise damaged('no list of storages')
    found = {}
    position = keys.end
    for key in keys.value:
        if not isinstance(key, str) or key not in storages:
            raise damaged('a storage that no tensor uses')
        storage = storages[key]
        count = int.from_bytes(data[position:position + _COUNT_BYTES], 'little')
        start = position + _COUNT_BYTES
        position = start + count * raw_file.element_size(storage.kind)
        if count != storage.count or position > len(data):
            raise damaged(f'storage {key!r} is not complete')
        found[key] = memoryview(data)[start:position]
    return found


def _state_dict(tree):
    if not isinstance(tree, dict):
        raise Unreadable('holds no state dict; save the state_dict() of the model')
    candidates = [tree[name] for name in _NESTED_UNDER if isinstance(tree.get(name), dict)]
    for mapping in candidates + [tree]:
        tensors = OrderedDict((name, value) for name, value in mapping.items()
                              if isinstance(value, torch_pickle.Tensor))
        if tensors:
            return _without_prefix(tensors, 'module.')
    raise Unreadable('holds no tensors, neither by themselves nor under '
                     f'{", ".join(_NESTED_UNDER)}; save the state_dict() of the model')


def _without_prefix(tensors, prefix):
    if not all(name.startswith(prefix) for name in tensors):
        return tensors
    return OrderedDict((name[len(prefix):], tensor) for name, tensor in tensors.items())


def _arrays(tensors, read_storage, byte_order):
    elements = {}
    arrays = OrderedDict()
    for name, tensor in tensors.items():
        storage = tensor.storage
        if storage.key not in elements:
            elements[storage.key] = raw_file.elements(
                read_storage(storage), storage.kind, storage.count, byte_order)
            elements[storage.key].flags.writeable = False
        arrays[name] = _array(name, tensor, elements[storage.key])
    return arrays


def _array(name, tensor, elements):
    """A view of a storage. No tensor may reach outside it, nor be larger than it is."""
    if len(tensor.size) > raw_file.MAX_RANK:
        raise damaged(f'tensor {name!r} has {len(tensor.size)} axes')
    count = 1
    last = tensor.offset
    for size, stride in zip(tensor.size, tensor.stride):
        count *= size
        last += (size - 1) * stride
    if count > len(elements) or count and last >= len(elements):
        raise damaged(f'tensor {name!r} is larger than its storage')
    try:
        if not count:
            return np.empty(tensor.size, elements.dtype)
        return np.ndarray(tensor.size, elements.dtype, elements,
                          tensor.offset * elements.itemsize,
                          [stride * elements.itemsize for stride in tensor.stride])
    except (ValueError, OverflowError):
        raise damaged(f'tensor {name!r} has an impossible shape') from None

"""CRC-32C (Castagnoli), which guards TFRecord files, in NumPy."""
import functools

import numpy as np

POLYNOMIAL = 0x82f63b78  # with the lowest bit first
BLOCK = 512
ALL_ONES = 0xffffffff


def masked_crc32c(data):
    """As TFRecord files store it: a CRC of what holds CRCs itself would be a weak one."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & ALL_ONES


def crc32c(data):
    head = len(data) % BLOCK
    remainder = ALL_ONES
    table = _byte_table()
    for byte in data[:head]:
        remainder = remainder >> 8 ^ table[(remainder ^ byte) & 0xff]
    for block in _block_remainders(data[head:]):
        remainder = _after_zeros(remainder) ^ block
    return remainder ^ ALL_ONES


def _block_remainders(data):
    """What each block leaves of a remainder of 0; being linear, it is the XOR over its bytes."""
    blocks = np.frombuffer(data, np.uint8).reshape(-1, BLOCK)
    parts = _distance_tables()[np.arange(BLOCK), blocks]
    return np.bitwise_xor.reduce(parts, axis=1).tolist()


def _after_zeros(remainder):
    """A remainder after a block of zeros: its four bytes count as the block's first four."""
    tables = _distance_tables()
    return int(tables[0, remainder & 0xff] ^ tables[1, remainder >> 8 & 0xff]
               ^ tables[2, remainder >> 16 & 0xff] ^ tables[3, remainder >> 24])


@functools.lru_cache(maxsize=None)
def _byte_table():
    """The remainder of each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(POLYNOMIAL), table >> 1)
    return table.tolist()


@functools.lru_cache(maxsize=None)
def _distance_tables():
    """`[i, byte]` is the remainder of a byte at position `i` of a block, with zeros behind it."""
    tables = np.empty((BLOCK, 256), np.uint32)
    first = np.array(_byte_table(), np.uint32)
    tables[-1] = first
    for index in range(BLOCK - 2, -1, -1):
        after = tables[index + 1]
        tables[index] = after >> 8 ^ first[after & 0xff]
    return tables

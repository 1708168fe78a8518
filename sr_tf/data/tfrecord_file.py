"""The framing of TFRecord files, without TensorFlow.

Each record is its length in eight bytes, their CRC, the data, and their CRC.
"""
import os
import struct
from collections import namedtuple

from sr_tf.data.crc32c import masked_crc32c
from sr_tf.errors import UserError

HEADER_BYTES = 12
CRC_BYTES = 4


class Record(namedtuple('Record', 'path number offset length')):
    """Where the data of a record is; `number` counts from 0 in its file."""

    def __str__(self):
        return '%s: record %d' % (self.path, self.number)


def framed(data):
    """The record that holds the data, as bytes."""
    length = struct.pack('<Q', len(data))
    return b''.join((length, struct.pack('<I', masked_crc32c(length)),
                     data, struct.pack('<I', masked_crc32c(data))))


def find_records(path):
    """All `Record`s of a file; their data are not read."""
    records = []
    try:
        with open(path, 'rb') as file:
            end = os.fstat(file.fileno()).st_size
            while file.tell() < end:
                length = _length(path, file.read(HEADER_BYTES))
                offset = file.tell()
                if offset + length + CRC_BYTES > end:
                    raise UserError('%s: truncated in record %d; remove it and run `prepare.py '
                                    'tfrecord` again' % (path, len(records)))
                records.append(Record(path, len(records), offset, length))
                file.seek(length + CRC_BYTES, os.SEEK_CUR)
    except OSError as error:
        raise UserError('%s: cannot be read: %s' % (path, error.strerror or error)) from error
    return records


def read_record(record):
    """The data of a record, once its CRC is found to be right."""
    try:
        with open(record.path, 'rb') as file:
            file.seek(record.offset)
            data = file.read(record.length)
            stored = file.read(CRC_BYTES)
    except OSError as error:
        raise UserError('%s: cannot be read: %s'
                        % (record.path, error.strerror or error)) from error
    if stored != struct.pack('<I', masked_crc32c(data)):
        raise UserError('%s is damaged; remove the file and run `prepare.py tfrecord` again'
                        % (record,))
    return data


def _length(path, header):
    if len(header) < HEADER_BYTES:
        raise UserError('%s: truncated; remove it and run `prepare.py tfrecord` again' % path)
    length, crc = struct.unpack('<QI', header)
    if crc != masked_crc32c(header[:8]):
        raise UserError('%s: not a TFRecord file, or a damaged or compressed one; remove it and '
                        'run `prepare.py tfrecord` again' % path)
    return length

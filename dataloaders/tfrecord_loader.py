"""TFRecord files of crops, as `prepare.py tfrecord` writes; LR images are made from the crops."""
import os

from dataloaders.base_loader import BaseLoader, Pair
from sr_tf.data import shards
from sr_tf.data.tfrecord_file import find_records
from sr_tf.errors import UserError


class TFRecordLoader(BaseLoader):
    """`--data_truth_path` names the folder of the files, or one of them."""

    def list_pairs(self):
        paths = self.truth_paths('a folder of TFRecord files')
        pairs = [pair for index, path in enumerate(paths)
                 for pair in _pairs(path, '%d-' % index if len(paths) > 1 else '')]
        if not pairs:
            raise UserError('%s: no TFRecord files with images; `prepare.py tfrecord` makes them'
                            % self.truth_path)
        return pairs

    def read(self, where):
        return shards.read_picture(where)

    def size(self, where):
        return shards.read_size(where)

    def read_channels(self, where):
        return self.read(where)

    def place(self, where):
        return super().place(where.path) + [where.offset, where.length]

    def stamp(self, where):
        return super().stamp(where.path)


def _pairs(path, prefix):
    found = shards.find_shards(path) if os.path.isdir(path) else [path]
    return [Pair('%s%s/%d' % (prefix, os.path.splitext(os.path.basename(shard))[0], record.number),
                 record, {})
            for shard in found for record in find_records(shard)]

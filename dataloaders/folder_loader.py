"""Any folder of images, nested or not; the low-resolution images are made from them."""
import os

from dataloaders.base_loader import BaseLoader, by_name, join_pairs
from sr_tf.errors import UsageError, UserError


class FolderLoader(BaseLoader):
    def list_pairs(self):
        if self.input_path:
            raise UsageError('%s=%s: folder_loader makes the LR images itself; basic_loader and '
                             'div2k_loader read them'
                             % (self.flag('input_path'), self.input_path))
        folders = self.truth_paths('a folder of images')
        if len(folders) == 1:
            return join_pairs(by_name(folders[0]), {}, None)
        images = {}
        for index, folder in enumerate(folders):
            prefix = '%d-%s/' % (index, os.path.basename(os.path.normpath(folder)))
            found = by_name(folder)
            if not found:
                raise UserError('%s=%s: no images found in %s'
                                % (self.flag('truth_path'), self.truth_path, folder))
            images.update((prefix + name, path) for name, path in found.items())
        return join_pairs(images, {}, None)

"""Any folder of images, nested or not; the low-resolution images are made from them."""
import os

from dataloaders.base_loader import BaseLoader, by_name, join_pairs


class FolderLoader(BaseLoader):
    def list_pairs(self):
        folders = self.require('data_truth_path', self.truth_path, 'a folder of images')
        if len(folders) == 1:
            return join_pairs(by_name(folders[0]), {}, None)
        images = {}
        for index, folder in enumerate(folders):
            prefix = '%d-%s/' % (index, os.path.basename(os.path.normpath(folder)))
            images.update((prefix + name, path) for name, path in by_name(folder).items())
        return join_pairs(images, {}, None)

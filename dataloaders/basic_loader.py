"""HR/name.png beside LR/x2/name.png; without an LR folder, LR images are made from the HR ones."""
import os

from dataloaders.base_loader import BaseLoader, by_name, join_pairs


class BasicLoader(BaseLoader):
    def list_pairs(self):
        hr_folder = self.only_truth_path('the folder of HR images')
        if not self.input_path:
            return join_pairs(by_name(hr_folder), {}, None)
        lr_images = {scale: by_name(self._lr_folder(scale)) for scale in self.scales}
        return join_pairs(by_name(hr_folder), lr_images, self._lr_folder)

    def _lr_folder(self, scale):
        return os.path.join(self.input_path, 'x%d' % scale)

"""DIV2K: DIV2K_train_HR/0001.png beside DIV2K_train_LR_bicubic/X2/0001x2.png (or LR_unknown)."""
import os

from dataloaders.base_loader import BaseLoader, by_name, join_pairs
from sr_tf.errors import UserError


class DIV2KLoader(BaseLoader):
    def list_pairs(self):
        hr_folder = self.only_truth_path('DIV2K_train_HR')
        if not self.input_path:
            return join_pairs(by_name(hr_folder), {}, None)
        lr_images = {scale: self._lr_images(scale) for scale in self.scales}
        return join_pairs(by_name(hr_folder), lr_images, self._lr_folder)

    def _lr_folder(self, scale):
        return os.path.join(self.input_path, 'X%d' % scale)

    def _lr_images(self, scale):
        suffix = 'x%d' % scale
        images = {}
        for name, path in by_name(self._lr_folder(scale)).items():
            if not name.endswith(suffix):
                raise UserError('%s: its name should end in %s, as in 0001%s.png'
                                % (path, suffix, suffix))
            images[name[:-len(suffix)]] = path
        return images

"""The photographs inside scikit-image's wheel: some to train on, others to be scored."""
import importlib.util
import os

from dataloaders.base_loader import BaseLoader, Pair
from sr_tf.errors import UsageError, UserError

SETS = {
    'train': ('astronaut', 'brick', 'grass', 'gravel', 'hubble_deep_field', 'ihc',
              'motorcycle_left', 'retina', 'coins', 'camera'),
    'valid': ('chelsea', 'coffee', 'rocket'),
}


class DemoLoader(BaseLoader):
    """`--data_truth_path` names the set, train (the default) or valid."""

    def list_pairs(self):
        chosen = self.truth_path or 'train'
        if chosen not in SETS:
            raise UsageError('%s=%s: with demo_loader it is train or valid'
                             % (self.flag('truth_path'), chosen))
        return [Pair(name, self._path(name), {}) for name in SETS[chosen]]

    def _path(self, name):
        package = importlib.util.find_spec('skimage')
        if package is None:
            raise UserError('the demo uses the photographs of scikit-image: '
                            'pip install scikit-image')
        folder = os.path.join(os.path.dirname(package.origin), 'data')
        for extension in ('.png', '.jpg'):
            path = os.path.join(folder, name + extension)
            if os.path.exists(path):
                return path
        raise UserError('%s: this version of scikit-image has no picture %s' % (folder, name))

"""A public test set in any of the layouts in which such sets are passed on."""
import os

from dataloaders.base_loader import BaseLoader, Pair, named
from sr_tf.errors import UsageError, UserError
from sr_tf.images import files

# Places below the folder that holds the sets, each with what the names of its pictures end in; the
# first that exists is taken.  {family} is what stands before the underscore of DIV2K_valid.
HR_PLACES = (
    ('{set}/image_SRF_{scale}', '_SRF_{scale}_HR'),
    ('{set}/HR', ''),
    ('{set}/GTmod12', ''),
    ('{set}/{set}_valid_HR', ''),
    ('{family}/{set}_HR', ''),
    ('{set}_valid_HR', ''),
    ('{set}_HR', ''),
    ('{set}/image_SRF_2', '_SRF_2_HR'),
    ('{set}/image_SRF_4', '_SRF_4_HR'),
    ('{set}', ''),
)
LR_PLACES = (
    ('{set}/image_SRF_{scale}', '_SRF_{scale}_LR'),
    ('{set}/LR/x{scale}', ''),
    ('{set}/LR/X{scale}', 'x{scale}'),
    ('{set}/LR_{kind}/x{scale}', ''),
    ('{set}/LR_{kind}/X{scale}', 'x{scale}'),
    ('{set}/LRbicx{scale}', ''),
    ('{set}/{set}_valid_LR_{kind}/X{scale}', 'x{scale}'),
    ('{family}/{set}_LR_{kind}/X{scale}', 'x{scale}'),
    ('{set}_valid_LR_{kind}/X{scale}', 'x{scale}'),
    ('{set}_LR_{kind}/X{scale}', 'x{scale}'),
)


class BenchmarkLoader(BaseLoader):
    """`--data_truth_path` names the set within its folder, as in sets/Set5 or sets/DIV2K_valid.

    LR images that are not there are made from the HR ones.
    """

    reads_below = False

    def list_pairs(self):
        path = self.only_truth_path('a test set, as in sets/Set5')
        if self.input_path:
            raise UsageError('%s=%s: benchmark_loader finds the LR images beside the HR ones; '
                             'basic_loader and div2k_loader read such a folder'
                             % (self.flag('input_path'), self.input_path))
        found = [self._pairs(path, scale) for scale in self.scales]
        for pairs in found[1:]:
            if [pair.hr for pair in pairs] != [pair.hr for pair in found[0]]:
                raise UserError('%s: has other HR images for each scale; choose one with --scales'
                                % path)
        return [Pair(same[0].name, same[0].hr, {scale: where for pair in same
                                                for scale, where in pair.lr.items()})
                for same in zip(*found)]

    def _pairs(self, path, scale):
        root, name = os.path.split(os.path.normpath(path))
        words = {'set': name, 'family': name.split('_')[0], 'scale': scale, 'kind': self.lr_kind}
        hr_folder, ending = _first_place(root, HR_PLACES, words)
        if hr_folder is None:
            raise UserError('%s: no such test set; %s' % (path, _contents(root)))
        hr = {stem[:len(stem) - len(ending)]: image
              for stem, image in _pictures(hr_folder).items() if stem.endswith(ending)}
        if not hr:
            raise UserError('%s: there are no HR images in %s%s'
                            % (path, hr_folder, ending and ', none named *%s.png' % ending))
        lr = self._low_resolution(root, words, hr)
        return [Pair(name, hr[name], {scale: lr[name]} if name in lr else {})
                for name in sorted(hr)]

    def _low_resolution(self, root, words, hr):
        """Maps names of the HR images to their LR images, as far as there are any."""
        folder, ending = _first_place(root, _lr_places(self.lr_kind), words)
        if folder is None:
            return {}
        images = _pictures(folder)
        lr = {name: images[stem] for name in hr for stem in (name, name + ending) if stem in images}
        if not lr and folder != os.path.dirname(min(hr.values())):
            raise UserError('%s: no image has the name of an HR image, such as %s%s.png; rename '
                            'them, or remove the folder and they are made'
                            % (folder, min(hr), ending))
        return lr


def _lr_places(kind):
    """Those that say the kind come first, unless it is the one that they hold when they do not."""
    if kind == 'bicubic':
        return LR_PLACES
    open_to_all = [place for place in LR_PLACES if 'bic' not in place[0]]
    return sorted(open_to_all, key=lambda place: '{kind}' not in place[0])


def _first_place(root, places, words):
    for folder, ending in places:
        path = os.path.join(root, folder.format(**words))
        if os.path.isdir(path):
            return path, ending.format(**words)
    return None, ''


def _pictures(folder):
    """Maps the name of each picture in the folder itself, without its extension, to its path."""
    return named(folder, filter(files.is_image_name, sorted(os.listdir(folder))))


def _contents(root):
    root = root or '.'
    if not os.path.isdir(root):
        return '%s is no folder either' % root
    folders = sorted(name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name)))
    return '%s holds %s' % (root, ', '.join(folders) or 'no folders')

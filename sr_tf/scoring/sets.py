"""The sets of images that methods are scored on."""
import os

from sr_tf.images.degradations import DEGRADATIONS
from sr_tf.scoring.protocols import PROTOCOLS


class ImageSet:
    """A loader's images at one of its scales, by the name that tables give the set.

    What is on disk is looked up once, when it is first needed, for all methods and all times that
    the set is scored.
    """

    def __init__(self, name, scale, loader):
        self.name = name
        self.scale = scale
        self.loader = loader
        self._pairs = None
        self._sizes = None

    def pairs(self):
        if self._pairs is None:
            self._pairs = self.loader.pairs()
        return self._pairs

    def sizes(self):
        """(height, width) of each HR image."""
        if self._sizes is None:
            self._sizes = [self.loader.size(pair.hr) for pair in self.pairs()]
        return self._sizes


def describe(test_set, settings):
    """What was found on disk, and what is made."""
    degradation = settings.degradation or PROTOCOLS[settings.protocols[0]].degradation
    pairs = test_set.pairs()
    given = [pair.lr[test_set.scale] for pair in pairs if test_set.scale in pair.lr]
    if not DEGRADATIONS[degradation].reads_files:
        given = []
    parts = ['HR %s' % _place([pair.hr for pair in pairs])]
    if given:
        few = ' for %d of them' % len(given) if len(given) < len(pairs) else ''
        parts.append('LR %s%s' % (_place(given), few))
    if len(given) < len(pairs):
        parts.append('%s made by %s' % ('the others' if given else 'LR', degradation))
    return '%s x%d: %d image%s, %s' % (test_set.name, test_set.scale, len(pairs),
                                       's' if len(pairs) > 1 else '', ', '.join(parts))


def name_of(path):
    """The folder's name, or its parent's where the folder is just called HR."""
    if not os.path.isdir(path):
        return path
    path = os.path.abspath(path)
    return os.path.basename(os.path.dirname(path) if os.path.basename(path) == 'HR' else path)


def _place(images):
    """The folder that holds all images, or the file that does."""
    if not all(isinstance(image, str) for image in images):
        return str(images[0].path)
    folders = sorted({os.path.dirname(image) for image in images})
    if len(set(map(os.path.isabs, folders))) > 1:
        folders = list(map(os.path.abspath, folders))
    return os.path.commonpath(folders) or '.'

import os
from collections import namedtuple

from sr_tf.errors import UsageError, UserError
from sr_tf.images import files

Pair = namedtuple('Pair', 'name hr lr')
Pair.__doc__ = """An image as its loader knows it.

`hr` is where the high-resolution picture is, in the loader's own words (mostly a path); `lr` maps
a scale to where the low-resolution one is, or lacks the scale when it is to be made from `hr`.
"""


class BaseLoader:
    """Says what is where on disk. The subclass in `<name>_loader.py` lists the pairs.

    Paths may name several folders, separated by commas.

    prefix: of the flags that name the paths, data or valid.
    reads_below: whether all images below the folders are taken, however deep.
    lr_kind: which low-resolution images are wanted where a set has several kinds, by their names
        in DIV2K: bicubic or unknown.
    """

    prefix = 'data'
    reads_below = True
    lr_kind = 'bicubic'

    def __init__(self, truth_path, input_path, scales):
        self.truth_path = truth_path
        self.input_path = input_path
        self.scales = tuple(scales)

    def pairs(self):
        """All `Pair`s in a fixed order; never none."""
        pairs = self.list_pairs()
        if not pairs:
            raise UserError('%s: no images found; %s must name a folder with %s'
                            % (self.truth_path, self.flag('truth_path'),
                               ', '.join(files.EXTENSIONS)))
        return pairs

    def list_pairs(self):
        raise NotImplementedError

    def read(self, where):
        """The picture as uint8 RGB."""
        return files.read_rgb(where)

    def size(self, where):
        """(height, width), without decoding the picture."""
        return files.read_size(where)

    def read_channels(self, where):
        """The same, but of one channel where it is grey on disk."""
        return files.read_channels(where)

    def place(self, where):
        """Which picture it is, for all programs on this machine."""
        return [os.path.abspath(where)]

    def stamp(self, where):
        """What changes when the picture changes."""
        status = os.stat(where)
        return [status.st_size, status.st_mtime_ns]

    def flag(self, name):
        """What the user knows a path by, as in --data_truth_path."""
        return '--%s_%s' % (self.prefix, name)

    def truth_paths(self, example):
        """The paths that were given; `example` says what they name where there is none."""
        if not self.truth_path:
            raise UsageError('%s is missing; with %s it names %s'
                             % (self.flag('truth_path'), self._name(), example))
        return [path for path in self.truth_path.split(',') if path]

    def only_truth_path(self, example):
        paths = self.truth_paths(example)
        if len(paths) > 1:
            raise UsageError('%s=%s: names several folders, and %s reads one; folder_loader reads '
                             'several' % (self.flag('truth_path'), self.truth_path, self._name()))
        return paths[0]

    def _name(self):
        return type(self).__module__.split('.')[-1]


def join_pairs(hr_images, lr_images, lr_folder_of):
    """Pairs of the pictures that have the same name on both sides.

    `hr_images` and each `lr_images[scale]` map a name to a path. A picture that one side lacks is
    an error, which names the file and, by `lr_folder_of(scale)`, where its counterpart should be.
    """
    for scale, images in lr_images.items():
        alone = sorted(set(hr_images) - set(images))
        if alone:
            raise UserError('%s: its x%d low-resolution image is missing in %s%s; '
                            '`prepare.py lr` makes it' % (hr_images[alone[0]], scale,
                                                          lr_folder_of(scale), _others(alone)))
        alone = sorted(set(images) - set(hr_images))
        if alone:
            raise UserError('%s: no high-resolution image has its name%s; remove it or add the '
                            'image' % (images[alone[0]], _others(alone)))
    return [Pair(name, hr_images[name], {scale: lr_images[scale][name] for scale in lr_images})
            for name in sorted(hr_images)]


def _others(names):
    return ' (and so for %d others)' % (len(names) - 1) if len(names) > 1 else ''


def by_name(folder):
    """Maps the name of each picture below the folder, without its extension, to its path."""
    return named(folder, files.find_images(folder))


def named(folder, paths):
    """Maps paths relative to the folder, without their extensions, to the whole paths."""
    found = {}
    for relative in paths:
        name = os.path.splitext(relative)[0].replace(os.sep, '/')
        path = os.path.join(folder, relative)
        if name in found:
            raise UserError('%s and %s: two images of one name; rename one' % (found[name], path))
        found[name] = path
    return found

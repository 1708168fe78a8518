"""What is scored: networks, and pictures that other tools made."""
import os

from sr_tf import checkpoint, pretrained
from sr_tf.errors import UsageError, UserError
from sr_tf.images import files
from sr_tf.scales import in_words
from sr_tf.scoring.cost import multiply_adds, seconds_per_megapixel
from sr_tf.scoring.matching import match


class Network:
    """A network, by the name that tables give it; the `upscalers` compute, each its scales.

    scales: those that it can be scored at, or None for any.
    facts: what reports say about it.
    """

    def __init__(self, upscalers, name):
        model = upscalers[0].model
        self.name = name
        self.facts = {'model': model.name(),
                      'checkpoint': ', '.join(upscaler.checkpoint for upscaler in upscalers
                                              if upscaler.checkpoint)}
        self.combines_outputs = model.combines_outputs
        self.output_numbers = model.output_numbers()
        self._upscalers = {scale: upscaler for upscaler in upscalers for scale in upscaler.scales}
        self.scales = tuple(sorted(self._upscalers))

    def enlarger(self, test_set, source):
        """A function of pairs and their LR images of one size: the unrounded enlarged pictures."""
        upscaler = self._upscalers[test_set.scale].reading(source.enlarge)
        return lambda pairs, images: upscaler.enlarge_all(images, test_set.scale)

    def outputs(self, image, scale, source):
        """What each of the network's outputs makes of an LR image."""
        return self._upscalers[scale].reading(source.enlarge).outputs(image, scale)

    def summary(self, scale):
        """Its size and speed, an entry of metrics.json."""
        upscaler = self._upscalers[scale]
        model = upscaler.model
        return {'name': self.name, 'model': model.name(), 'scale': scale,
                'parameters': model.parameters, 'multiply_adds': multiply_adds(model, scale),
                'receptive_radius': model.receptive_radius(scale),
                'seconds_per_megapixel': seconds_per_megapixel(upscaler, scale)}


class Folder:
    """A folder of pictures that another tool enlarged; their names need only hold the images'."""

    scales = None
    combines_outputs = False
    output_numbers = ()

    def __init__(self, path, name):
        self.name = name
        self.facts = {'model': name, 'checkpoint': path}
        self._path = path
        self._pictures = files.find_images(path)

    def enlarger(self, test_set, source):
        """As a network's; fails if a picture of the set is missing."""
        names = [pair.name for pair in test_set.pairs()]
        found = match(self._path, self._pictures, names, test_set.name, test_set.scale)

        def read(pairs, images):
            return [_fitting(os.path.join(self._path, found[pair.name]), pair, image.shape,
                             test_set.scale) for pair, image in zip(pairs, images)]
        return read

    def outputs(self, image, scale, source):
        return []


def scales_of(methods, asked=None):
    """The scales to score at: those asked for, or all that networks are for."""
    networks = [method for method in methods if method.scales]
    known = {scale for method in networks for scale in method.scales}
    if not asked and not known:
        raise UsageError('--scales is missing: how much larger are the pictures of --sr_path?')
    scales = asked or sorted(known)
    for method in networks:
        unknown = set(scales) - (known if set(scales) & set(method.scales) else set(method.scales))
        if unknown:
            name = method.name if pretrained.is_name(method.name) else method.facts['checkpoint']
            raise UsageError('--scales=%s: %s is for %s' % (
                ','.join(map(str, scales)), name, in_words(method.scales)))
    return tuple(scales)


def names_of(paths):
    """For each path what sets it apart from the others, for tables; the name of a model is one."""
    whole = [path if pretrained.is_name(path) else os.path.abspath(path) for path in paths]
    for path, place in zip(paths, whole):
        if whole.count(place) > 1:
            raise UsageError('%s: is to be scored twice; name it once' % path)
    places = list(filter(os.path.isabs, whole))
    shared = os.path.commonpath(places) if places else ''
    names = [_below(shared, place) if place in places else place for place in whole]
    # A run may be called like a model.
    return [os.path.join(os.path.basename(os.path.dirname(place)), name)
            if place in places and names.count(name) > 1 else name
            for place, name in zip(whole, names)]


def _below(folder, path):
    """The path as seen from a folder; the folder itself by its name, the best of a run with it."""
    name = os.path.relpath(path, folder)
    if name != '.':
        return name
    run, name = os.path.split(path)
    return os.path.join(os.path.basename(run), name) if name == checkpoint.BEST else name


def _fitting(path, pair, lr_shape, scale):
    """The picture; what an uncropped HR image has beyond a multiple of the scale is cut off."""
    picture = files.read_rgb(path)
    height, width = lr_shape[0] * scale, lr_shape[1] * scale
    more = picture.shape[1] - width, picture.shape[0] - height
    if not all(0 <= difference < scale for difference in more):
        raise UserError('%s: is %dx%d, but %s at x%d needs %dx%d (%+d in width, %+d in height)'
                        % ((path,) + picture.shape[1::-1] + (pair.hr, scale, width, height) + more))
    return picture[:height, :width]

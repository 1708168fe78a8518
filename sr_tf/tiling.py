"""The tiles for a model's pictures: by the memory that there is, and by how far the model looks."""
import sys

from sr_tf import tiles
from sr_tf.errors import UsageError
from sr_tf.images import resize

BYTES_A_FEATURE = 5  # a float32, and a quarter for what the estimate misses
# What a batch may take, times the square of the scale. With the lower one, 24 megapixels are
# doubled in 2 GB, pictures and all; the upper one is for those that no cut leaves as they are.
TILE_MEMORY = 170e6
WHOLE_MEMORY = 900e6
POOLED_OVERLAP = 32  # of windows that no overlap makes exact


class Tiling:
    """Cuts pictures for a model and a `Network`.

    tile: the largest side of a window, in pixels; 'auto' chooses by the memory that is free, and 0
        or None leaves pictures whole.
    """

    def __init__(self, model, network, tile):
        self._model = model
        self._network = network
        self._tile = tile
        self._has_warned = False

    def windows(self, height, width, scale):
        """The windows of a picture, and of how many pictures they may be computed together."""
        if not self._tile:
            return tiles.windows(height, width, (height, width), 0), sys.maxsize
        overlap, is_exact = self._overlap(scale)
        if self._tile == 'auto':
            pixels = self._pixels(scale, TILE_MEMORY)
            if not is_exact and height * width <= self._pixels(scale, WHOLE_MEMORY):
                pixels = max(pixels, height * width)
            largest = tiles.largest_window(height, width, pixels, overlap)
            if self._network.largest_side:
                limit = self._network.largest_side // self._side_read(scale)
                largest = tuple(min(side, limit) for side in largest)
        else:
            pixels = self._tile ** 2
            largest = min(height, self._tile), min(width, self._tile)
        if largest != (height, width):
            self._require_sound(overlap, is_exact)
        return (tiles.windows(height, width, largest, overlap),
                max(1, pixels // (largest[0] * largest[1])))

    def _overlap(self, scale):
        """That of windows, in pixels of the picture, and whether it makes them exact."""
        radius = self._model.receptive_radius(scale)
        if radius is None:
            return POOLED_OVERLAP, False
        if self._model.input_is_enlarged:
            return -(-radius // scale) + int(resize.SUPPORT), True
        return radius, True

    def _pixels(self, scale, memory):
        """How many of a picture's pixels can be computed at once."""
        features = self._model.features_at_once(scale) * self._side_read(scale) ** 2
        return int(self._network.memory(memory * scale ** 2) / (BYTES_A_FEATURE * features))

    def _side_read(self, scale):
        """How many of the pixels that the network reads lie along one of the picture's."""
        return scale if self._model.input_is_enlarged else 1

    def _require_sound(self, overlap, is_exact):
        if self._tile != 'auto' and self._tile < tiles.least_side(overlap):
            raise UsageError('--tile=%d: is too small for %s, whose windows overlap by %d pixels; '
                             'give %d or more' % (self._tile, self._model.name(), overlap,
                                                  tiles.least_side(overlap)))
        if not is_exact and not self._has_warned:
            self._has_warned = True
            print('warning: %s takes means over the whole picture, and in tiles over each tile, '
                  'which differs a little; --tile=none computes pictures whole'
                  % self._model.name(), file=sys.stderr)

"""Which pixels a training step sees: a pure function of the seed and the step.

Nothing is drawn from a generator with a state.  So a resumed run sees what it would have seen, and
N devices with batches of B see together what one device with a batch of N x B sees.
"""
import functools
from collections import namedtuple

import numpy as np

from sr_tf.chips.session import plain_session
from sr_tf.compat import tf
from sr_tf.data.growing_file import Plane
from sr_tf.data.patches import TURNS, cut, mapped
from sr_tf.data.waiting import as_written, timed
from sr_tf.errors import UserError

Shard = namedtuple('Shard', 'rank size')
Shard.__doc__ = 'This process, and how many share a batch.'
ALONE = Shard(0, 1)

SCALE_BLOCK = 1024  # scales are drawn for this many steps at a time
LARGEST_GROUP = 16  # patches that one call of a function cuts, each by operations of its own
NO_END = np.iinfo(np.int64).max // 2 ** 20


class Sampler:
    """Cuts batches out of a `Pack`.

    patch_size: of the low-resolution input, for each scale.
    micro_batches: how many batches make one step.
    """

    def __init__(self, pack, scales, patch_size, batch_size, seed, shard=ALONE,
                 micro_batches=1):
        self.pack = pack
        self.scales = tuple(scales)
        self.patch_size = patch_size
        self.batch_size = batch_size
        self.seed = seed
        self.shard = shard
        self.micro_batches = micro_batches
        for scale in self.scales:
            self._require_room(scale)

    def scale_order(self):
        """A function from a step to the scale that it trains; the same in every process."""
        graph = tf.Graph()
        with graph.as_default():
            block = tf.placeholder(tf.int64, [])
            indices = self._scale_indices(block)
        session = plain_session(graph)

        @functools.lru_cache(maxsize=2)
        def drawn(number):
            return session.run(indices, {block: number})

        return lambda step: self.scales[drawn(step // SCALE_BLOCK)[step % SCALE_BLOCK]]

    def batches(self, scale, first_step):
        """An iterator over (lr, hr) uint8 batches of the steps that train this scale.

        Patches are `[batch_size, size, size, 3]`, with static shapes.  `first_step` is a tensor:
        the step at which the iterator starts when it is initialised.
        """
        return tf.data.make_initializable_iterator(self._batches(scale, first_step))

    def timed_batches(self, scale, first_step):
        """The same, but of pairs of a batch and the seconds for which it was waited for."""
        return tf.data.make_initializable_iterator(timed(self._batches(scale, first_step)))

    def _batches(self, scale, first_step):
        index = self.scales.index(scale)
        group = max(size for size in range(1, LARGEST_GROUP + 1) if self.batch_size % size == 0)
        steps = tf.data.Dataset.range(first_step, NO_END)
        if len(self.scales) > 1:
            steps = steps.filter(lambda step: tf.equal(self._scale_index(step), index))
        first_samples = steps.flat_map(lambda step: self._sample_numbers(step, group))
        batches = tf.data.Dataset.zip((first_samples, mapped(self.pack.path))).map(
            lambda number, pixels: self._patches(pixels, scale, number, group),
            num_parallel_calls=2)
        if group < self.batch_size:
            groups = self.batch_size // group
            batches = batches.batch(groups, drop_remainder=True).map(_joined)
        return as_written(batches.prefetch(4))

    def _scale_index(self, step):
        return self._scale_indices(step // SCALE_BLOCK)[step % SCALE_BLOCK]

    def _scale_indices(self, block):
        """Of the `block`-th `SCALE_BLOCK` steps, the index in `scales` of each."""
        # Samples are numbered from 0, so their seeds and these never meet.
        drawn = tf.random.stateless_uniform([SCALE_BLOCK], [self.seed, -1 - block])
        return _below(drawn, len(self.scales))

    def _sample_numbers(self, step, distance):
        """Of this process' samples of a step, numbered over all processes and micro-batches, each
        at a distance from the one before.
        """
        micro_batches = tf.data.Dataset.range(self.micro_batches)

        def numbers(micro_batch):
            part = ((step * self.micro_batches + micro_batch) * self.shard.size + self.shard.rank)
            return tf.data.Dataset.range(part * self.batch_size, (part + 1) * self.batch_size,
                                         distance)

        return micro_batches.flat_map(numbers)

    def _patches(self, pixels, scale, first, count):
        """The patches of so many samples, of which the first has this number."""
        lr, hr = self.pack.lr[scale], self.pack.hr
        size = self.patch_size[scale]
        magnification = self._magnification(scale)
        drawn = tf.stack([
            tf.raw_ops.StatelessRandomUniform(shape=[3 + TURNS], seed=[self.seed, first + index])
            for index in range(count)])
        images = _below(drawn[:, 0], len(lr))
        lr, hr = _planes_of(images, lr), _planes_of(images, hr)
        top = _below(drawn[:, 1], lr.height - size + 1)
        left = _below(drawn[:, 2], lr.width - size + 1)
        turns = drawn[:, 3:] < 0.5
        return (cut(pixels, lr, top, left, size, turns),
                cut(pixels, hr, top * magnification, left * magnification, size * magnification,
                    turns))

    def _magnification(self, scale):
        return 1 if self.pack.enlarged else scale

    def _require_room(self, scale):
        size = self.patch_size[scale]
        small = [index for index, plane in enumerate(self.pack.lr[scale])
                 if min(plane.height, plane.width) < size]
        if small:
            plane = self.pack.lr[scale][small[0]]
            largest = min(min(plane.height, plane.width) for plane in self.pack.lr[scale])
            raise UserError(
                '%s: is %dx%d at x%d, too small for patches of %d (%d of %d images are); '
                'remove them, or use at most --input_patch_size=%d or --target_patch_size=%d'
                % (self.pack.names[small[0]], plane.width, plane.height, scale, size, len(small),
                   len(self.pack.names), largest, largest * self._magnification(scale)))


def _below(drawn, limit):
    """Uniform numbers in [0, 1) as integers below a limit."""
    limit = tf.cast(limit, tf.float32)
    # A float32 just below 1 times the limit may round up to the limit itself.
    return tf.cast(tf.minimum(tf.floor(drawn * limit), limit - 1), tf.int64)


def _planes_of(images, planes):
    """The planes of these images as one `Plane` of tensors."""
    return Plane(*tf.unstack(tf.gather(np.array(planes, np.int64), images), axis=1))


def _joined(*groups):
    """Groups of patches, `[groups, patches, ...]`, as one batch."""
    return tuple(tf.reshape(patches, [-1] + patches.shape[2:].as_list()) for patches in groups)

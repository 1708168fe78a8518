"""Batches that are larger than the pictures in them: what lies outside must change nothing inside.

A convolution reads zeros beyond the edge of a picture.  So before each, what lies outside is set to
zero again.
"""
from models.notes import note, noted
from sr_tf.compat import tf


def padded(images, mask):
    """A context in which networks of `images` compute as if those were cut to where `mask` is 1.

    images: a batch `[N, H, W, C]`, whose pictures begin at the top left.
    mask: `[1, H, W, 1]`, or one for each picture, of 1 and 0.
    """
    return noted('padded', _Padded(images, mask))


def blank_outside(x):
    """The tensor with zeros outside of the pictures, which it must be computed from."""
    padded_to = note('padded')
    return x * padded_to.mask_for(x) if padded_to else x


def mean(x):
    """The mean of each feature over each picture, `[N, 1, 1, C]`."""
    padded_to = note('padded')
    if not padded_to:
        return tf.reduce_mean(x, [1, 2], keepdims=True)
    mask = padded_to.mask_for(x)
    return (tf.reduce_sum(x * mask, [1, 2], keepdims=True)
            / tf.reduce_sum(mask, [1, 2], keepdims=True))


class _Padded:
    def __init__(self, images, mask):
        self._masks = {1: mask}
        self._enlargements = {images.op: 1}

    def mask_for(self, x):
        """The mask as many times enlarged as the tensor is."""
        scale = self._enlargement(x.op)
        if scale not in self._masks:
            tiled = tf.tile(self._masks[1], [1, 1, 1, scale ** 2])
            self._masks[scale] = tf.depth_to_space(tiled, scale)
        return self._masks[scale]

    def _enlargement(self, operation):
        """How much larger than the images its result is; 0 if it does not come from them."""
        if operation not in self._enlargements:
            scale = max((self._enlargement(tensor.op) for tensor in operation.inputs), default=0)
            if operation.type == 'DepthToSpace':
                scale *= operation.get_attr('block_size')
            self._enlargements[operation] = scale
        return self._enlargements[operation]

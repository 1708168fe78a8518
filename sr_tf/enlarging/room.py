"""How much memory a picture takes on its way."""
from sr_tf.images.writer import BY_PILLOW

TO_BLEED = 49  # bytes a pixel, for colours under transparent pixels
TO_ROUND = 8  # bytes a sample, from 16 bits to 8


def needed(picture, known, scale):
    """The bytes that `picture` takes where it takes most, made so many times larger.

    `known` is the `Format` that it is written in.
    """
    height, width, _ = picture.pixels.shape
    bled = 0 if picture.alpha is None or picture.alpha.all() else TO_BLEED
    return height * width * max(bled, scale ** 2 * _to_write(picture, known))


def _to_write(picture, known):
    """For each pixel of the result."""
    depth, colours = picture.pixels.itemsize, picture.pixels.shape[2]
    has_alpha = picture.alpha is not None
    samples = colours + (has_alpha and known.has_alpha)
    made = depth * (3 + has_alpha)  # of which a grey picture takes the mean, by sums twice as wide
    mean, sums = (depth, 4 * depth) if colours == 1 else (0, 0)
    together = depth * samples if samples > colours else 0
    rounded = TO_ROUND * samples if depth > 1 and not known.has_16_bits else 0
    encoded = 4 if known.name in BY_PILLOW else 0
    return made + max(sums, mean + together + max(rounded, encoded))

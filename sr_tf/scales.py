"""Scales, as messages name them."""


def in_words(scales):
    """Such as 'x2, x3'."""
    return ', '.join('x%d' % scale for scale in scales)

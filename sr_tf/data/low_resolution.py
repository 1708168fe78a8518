"""The low-resolution picture of a pair: read, or made from the high-resolution one."""
from sr_tf.errors import UserError
from sr_tf.images.degradations import DEGRADATIONS, degrade


def low_resolution(loader, pair, hr, scale, degradation='bicubic'):
    """The pair's LR picture at a scale, as the named degradation takes or makes it."""
    require_room(pair, hr, scale)
    if DEGRADATIONS[degradation].reads_files and scale in pair.lr:
        return _read(loader, pair, hr, scale)
    if DEGRADATIONS[degradation].shrink is None:
        raise UserError('%s: has no x%d low-resolution image, and --degradation=%s makes none; '
                        'name the folder of the low-resolution images, or another degradation'
                        % (pair.hr, scale, degradation))
    return degrade(hr, scale, degradation)


def require_room(pair, hr, scale):
    height, width = hr.shape[:2]
    if min(height, width) < scale:
        raise UserError('%s: is %dx%d, too small for x%d; remove it'
                        % (pair.hr, width, height, scale))


def _read(loader, pair, hr, scale):
    lr = loader.read(pair.lr[scale])
    expected = hr.shape[0] // scale, hr.shape[1] // scale
    if lr.shape[:2] != expected:
        raise UserError('%s: is %dx%d, but at x%d its HR image %s of %dx%d needs %dx%d; '
                        '`prepare.py lr` makes it'
                        % (pair.lr[scale], lr.shape[1], lr.shape[0], scale, pair.hr,
                           hr.shape[1], hr.shape[0], expected[1], expected[0]))
    return lr

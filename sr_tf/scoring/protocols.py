"""What is compared when a picture is scored: the papers' way, and those of other programs.

Each original has its own, so that its users find here the numbers that they had.
"""
from collections import namedtuple

import numpy as np

from sr_tf.errors import UserError, require_known
from sr_tf.images.degradations import DEGRADATIONS, pillow_resized
from sr_tf.images.resize import crop_to_multiple
from sr_tf.scoring import metrics

MEASURES = ('psnr', 'ssim', 'ms_ssim')

Step = namedtuple('Step', 'description compute')
Step.__doc__ = """One step of a protocol: what reports say about it, and a function."""


class Protocol(namedtuple('Protocol', 'name origin truth degradation output channel crop ssim')):
    """How a picture is scored.

    truth: `(hr, scale)` -> the HR picture with sides that are multiples of the scale.
    degradation: the name of how LR pictures come about.
    output: the network's unrounded picture, 0..255 -> the picture that is scored.
    channel: the RGB picture -> what is compared. Of grey pictures it is their one channel.
    crop: the scale -> how many pixels at each edge do not count.
    ssim: two compared pictures -> their SSIM.
    """

    __slots__ = ()

    def score(self, sr, hr, scale, measures=('psnr', 'ssim')):
        """A dict of the measures of an enlarged picture, unrounded or uint8, in 0..255.

        Both are `[H, W, 3]`, or the true one is grey: `[H, W]` or `[H, W, 1]`.  With 'ms_ssim'
        comes 'ms_ssim_scales', which is 5 unless the picture is too small for them.
        """
        sr, hr = self._compared(sr, hr, scale, ssim=set(measures) != {'psnr'})
        compute = {'psnr': metrics.psnr, 'ssim': self.ssim.compute, 'ms_ssim': metrics.ms_ssim}
        scores = {measure: compute[measure](sr, hr) for measure in measures}
        if 'ms_ssim' in measures:
            scores['ms_ssim_scales'] = metrics.ms_ssim_scales(hr.shape)
        return scores

    def describe(self, degradation=None):
        """What a report says; `degradation` is what was asked for instead of the protocol's own."""
        lr = DEGRADATIONS[degradation or self.degradation].description
        return {'name': self.name, 'origin': self.origin, 'truth': self.truth.description,
                'lr': lr, 'output': self.output.description, 'channel': self.channel.description,
                'grey': 'its one channel', 'crop': self.crop.description,
                'ssim': self.ssim.description}

    def require_room(self, size, scale, ssim):
        """Fails if an HR picture of this (height, width) is too small to be scored."""
        edge = self.crop.compute(scale)
        measure, side = ('the SSIM', metrics.WINDOW) if ssim else ('the PSNR', 1)
        height, width = size
        if min(height, width) - 2 * edge < side:
            raise UserError('the picture of %dx%d is too small to be scored: without %d pixels at '
                            'each edge %s needs %dx%d'
                            % (width, height, edge, measure, side, side))

    def _compared(self, sr, hr, scale, ssim):
        _require_alike(sr, hr)
        _require_numbers(sr)
        self.require_room(hr.shape[:2], scale, ssim)
        edge = self.crop.compute(scale)
        if _is_grey(hr):
            pictures = self.output.compute(_grey(sr)), _grey(hr)
        else:
            pictures = (self.channel.compute(self.output.compute(sr.astype(np.float64))),
                        self.channel.compute(hr.astype(np.float64)))
        return [picture[edge:picture.shape[0] - edge, edge:picture.shape[1] - edge]
                for picture in pictures]


def find(name):
    require_known('protocol', name, PROTOCOLS)
    return PROTOCOLS[name]


def score(sr, hr, scale, protocol='paper'):
    """(PSNR in dB, SSIM) of an enlarged RGB picture against the true one; see `Protocol.score`."""
    scores = find(protocol).score(sr, hr, scale)
    return scores['psnr'], scores['ssim']


def _weighted(weights, unit):
    """Luma of ITU-R BT.601, black 16, by the weights of red, green and blue in parts of a unit."""
    return lambda rgb: rgb.dot(np.array(weights) / unit) + 16.0


def _require_alike(sr, hr):
    if _is_grey(sr) and not _is_grey(hr) or np.uint16 in (sr.dtype, hr.dtype):
        raise UserError('pictures of %s %s and %s %s: those that are scored are [H, W, 3], or the '
                        'true one is grey, with values in 0..255'
                        % (sr.dtype, list(sr.shape), hr.dtype, list(hr.shape)))
    difference = sr.shape[1] - hr.shape[1], sr.shape[0] - hr.shape[0]
    if difference != (0, 0):
        raise UserError('the enlarged picture is %dx%d, but the true one is %dx%d '
                        '(%+d in width, %+d in height)'
                        % (sr.shape[1::-1] + hr.shape[1::-1] + difference))


def _require_numbers(sr):
    if not np.isfinite(sr).all():
        raise UserError('the enlarged picture has pixels that are not numbers')


def _is_grey(picture):
    return picture.ndim == 2 or picture.shape[2] == 1


def _grey(picture):
    """The one channel; of an RGB picture its luma in 0..255, as when it is saved as grey."""
    picture = picture.astype(np.float64)
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 1:
        return picture[..., 0]
    return picture.dot([299.0, 587.0, 114.0]) / 1000  # by tenths, grey would come out below itself


def _resized_to_multiple(hr, scale):
    height, width = hr.shape[:2]
    return pillow_resized(hr, height // scale * scale, width // scale * scale)


CROPPED = Step('cropped to a multiple of the scale', crop_to_multiple)
RESIZED = Step('resized by Pillow to a multiple of the scale', _resized_to_multiple)

ROUNDED = Step('rounded to 8 bits', lambda sr: np.clip(np.rint(sr), 0, 255))
TRUNCATED = Step('cut off to 8 bits', lambda sr: np.floor(np.clip(sr, 0, 255)))
CLIPPED = Step('clipped, not rounded', lambda sr: np.clip(sr, 0, 255))
UNCHANGED = Step('neither clipped nor rounded', lambda sr: sr)

RGB = Step('R, G and B', lambda rgb: rgb)
Y = Step('Y of RGB (BT.601), not rounded', _weighted([65.481, 128.553, 24.966], 255))
Y_65 = Step('Y of RGB by 65.738, 129.057, 25.064 over 256, not rounded',
            _weighted([65.738, 129.057, 25.064], 256))
Y_64 = Step('Y of RGB by 64.738, 129.057, 25.064 over 256, not rounded',
            _weighted([64.738, 129.057, 25.064], 256))

CROP_SCALE = Step('the scale', lambda scale: scale)
CROP_4 = Step('4', lambda scale: 4)
CROP_SCALE_6 = Step('the scale + 6', lambda scale: scale + 6)
CROP_NONE = Step('none', lambda scale: 0)

SSIM = Step('11x11 Gaussian, sigma 1.5', metrics.ssim)
OUR_SSIM = Step('11x11 Gaussian, sigma 1.5 (the original measured none)', metrics.ssim)
UNBIASED_SSIM = Step('11x11 Gaussian, sigma 1.5, unbiased variances',
                     lambda sr, hr: metrics.ssim(sr, hr, unbiased=True))

PROTOCOLS = {protocol.name: protocol for protocol in (
    Protocol('paper', 'the papers on super-resolution',
             CROPPED, 'bicubic', ROUNDED, Y, CROP_SCALE, SSIM),
    Protocol('rgb', 'the NTIRE challenges, and papers that score all colours',
             CROPPED, 'bicubic', ROUNDED, RGB, CROP_SCALE, SSIM),
    Protocol('tf-bsrn-sr', 'validate_bsrn.py of idearibosome/tf-bsrn-sr',
             CROPPED, 'bicubic', ROUNDED, RGB, CROP_4, OUR_SSIM),
    Protocol('rcan-ascend', 'test.py of RCAN in Ascend/ModelZoo-PyTorch',
             CROPPED, 'bicubic-pillow', TRUNCATED, Y, CROP_SCALE_6, UNBIASED_SSIM),
    Protocol('rdn-ascend', 'main.py of RDN in Ascend/ModelZoo-PyTorch, on the h5 files it names',
             RESIZED, 'bicubic-pillow', CLIPPED, Y_64, CROP_SCALE, OUR_SSIM),
    Protocol('srcnn-mindspore', 'eval.py of srcnn in mindspore-ai/models',
             RESIZED, 'bicubic-pillow', UNCHANGED, Y_64, CROP_NONE, OUR_SSIM),
    Protocol('wdsr-mindspore', 'eval.py of wdsr in mindspore-ai/models',
             CROPPED, 'bicubic', ROUNDED, Y_65, CROP_SCALE, SSIM),
)}

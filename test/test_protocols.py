"""Each protocol against what its original computes, written out here, and which share pictures."""
import math
import os
import re

import numpy as np
import pytest
from PIL import Image
from random_networks import make_model, random_image

from dataloaders.basic_loader import BasicLoader
from dataloaders.folder_loader import FolderLoader
from sr_tf.errors import UserError
from sr_tf.images.files import read_rgb
from sr_tf.images.resize import downscale, upscale
from sr_tf.network import Network
from sr_tf.scoring.protocols import PROTOCOLS
from sr_tf.scoring.published import published
from sr_tf.scoring.sources import group_by_source
from sr_tf.upscaler import Upscaler

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCALES = (2, 3, 4)


@pytest.fixture(scope='module')
def hr(photos):
    """64x60 pixels, so that every scale divides it, with black and white ones among them."""
    image = read_rgb(str(photos / 'coffee.png'))[8:72, 20:80].copy()
    image[20:24, 20:40], image[30:40, 30:33] = 0, 255
    return image


@pytest.fixture(scope='module')
def sr(hr):
    """Unrounded, and below 0 and above 255 in places."""
    return hr + np.random.RandomState(0).normal(0, 9, hr.shape)


def cropped(image, edge):
    return image[edge:image.shape[0] - edge, edge:image.shape[1] - edge]


def weighted(image, weights, unit):
    return sum(weight * image[..., channel] for channel, weight in enumerate(weights)) / unit


def similarity(a, b, **options):
    metrics = pytest.importorskip('skimage.metrics')
    return metrics.structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5,
        **dict({'data_range': 255, 'use_sample_covariance': False}, **options))


def paper(sr, hr, scale):
    sr = np.clip(np.round(sr), 0, 255)
    sr, hr = (cropped(weighted(image, (65.481, 128.553, 24.966), 255) + 16, scale)
              for image in (sr, hr))
    return 10 * math.log10(255 ** 2 / ((sr - hr) ** 2).mean()), similarity(hr, sr)


def rgb(sr, hr, scale):
    return _colours(sr, hr, scale)


def tf_bsrn_sr(sr, hr, scale):
    return _colours(sr, hr, 4)


def _colours(sr, hr, edge):
    sr, hr = cropped(np.clip(np.round(sr), 0, 255), edge), cropped(hr.astype(float), edge)
    mse = np.mean(np.power(hr - sr, 2))
    return 10 * math.log10(255 ** 2 / mse), np.mean(
        [similarity(hr[..., channel], sr[..., channel]) for channel in range(3)])


def rcan_ascend(sr, hr, scale):
    sr = np.clip(sr, 0, 255).astype(np.uint8)
    sr, hr = (cropped((65.481 * (image / 255.0)[..., 0] + 128.553 * (image / 255.0)[..., 1]
                       + 24.966 * (image / 255.0)[..., 2] + 16) / 255, scale + 6)
              for image in (sr, hr))
    return 10 * math.log10(1 / ((sr - hr) ** 2).mean()), similarity(
        hr, sr, data_range=1.0, use_sample_covariance=True)


def rdn_ascend(sr, hr, scale):
    sr = np.clip(sr, 0, 255)
    sr, hr = (cropped(16 + weighted(image, (64.738, 129.057, 25.064), 256), scale)
              for image in (sr, hr))
    return 10 * math.log10(255 ** 2 / ((sr - hr) ** 2).mean()), similarity(hr, sr)


def srcnn_mindspore(sr, hr, scale):
    sr, hr = ((16 + weighted(image, (64.738, 129.057, 25.064), 256)) / 255 for image in (sr, hr))
    return 10 * math.log10(1 / np.mean((sr - hr) ** 2)), similarity(hr, sr, data_range=1.0)


def wdsr_mindspore(sr, hr, scale):
    sr = np.clip(np.round(sr), 0, 255)
    difference = cropped(weighted((sr - hr) / 255, (65.738, 129.057, 25.064), 256), scale)
    return -10 * math.log10((difference ** 2).mean()), similarity(
        *(cropped(weighted(image, (65.738, 129.057, 25.064), 256) + 16, scale)
          for image in (hr, sr)))


ORIGINALS = {'paper': paper, 'rgb': rgb, 'tf-bsrn-sr': tf_bsrn_sr, 'rcan-ascend': rcan_ascend,
             'rdn-ascend': rdn_ascend, 'srcnn-mindspore': srcnn_mindspore,
             'wdsr-mindspore': wdsr_mindspore}


@pytest.mark.parametrize('scale', SCALES)
@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_a_protocol_scores_as_its_original(sr, hr, name, scale):
    scores = PROTOCOLS[name].score(sr, hr, scale)
    psnr, ssim = ORIGINALS[name](sr, hr, scale)
    assert abs(scores['psnr'] - psnr) < 1e-9
    assert abs(scores['ssim'] - ssim) < 1e-9


def test_protocols_differ_from_each_other(sr, hr):
    """So the test above can tell them apart; the weights of two are equal to six digits."""
    psnrs = sorted(PROTOCOLS[name].score(sr, hr, 2)['psnr'] for name in PROTOCOLS)
    assert min(np.diff(psnrs)) > 1e-8


def test_a_protocol_says_all_that_it_does():
    descriptions = [protocol.describe() for protocol in PROTOCOLS.values()]
    assert [description['name'] for description in descriptions] == list(PROTOCOLS)
    for description in descriptions:
        assert set(description) == {'name', 'origin', 'truth', 'lr', 'output', 'channel', 'grey',
                                    'crop', 'ssim'}
        assert all(description.values())
    assert 'Pillow' in PROTOCOLS['srcnn-mindspore'].describe()['lr']
    assert 'Pillow' not in PROTOCOLS['srcnn-mindspore'].describe('unknown')['lr']


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_grey_pictures_are_scored_as_their_one_channel(sr, hr, name):
    """Not as luma, whose range is smaller, which makes every error look smaller."""
    grey_hr, grey_sr = hr[..., 1], sr[..., 1]
    edge = {'tf-bsrn-sr': 4, 'rcan-ascend': 9, 'srcnn-mindspore': 0}.get(name, 3)
    output = {'rdn-ascend': np.clip(grey_sr, 0, 255), 'srcnn-mindspore': grey_sr,
              'rcan-ascend': np.floor(np.clip(grey_sr, 0, 255))}.get(
                  name, np.clip(np.rint(grey_sr), 0, 255))
    expected = 10 * math.log10(255 ** 2 / (cropped(output - grey_hr, edge) ** 2).mean())
    from_three_channels = np.stack([grey_sr] * 3, axis=-1)
    for truth in (grey_hr, grey_hr[..., np.newaxis]):
        for picture in (grey_sr, grey_sr[..., np.newaxis], from_three_channels):
            assert abs(PROTOCOLS[name].score(picture, truth, 3)['psnr'] - expected) < 1e-6


@pytest.mark.parametrize('name, edge', [('rcan-ascend', 9), ('tf-bsrn-sr', 4), ('paper', 3),
                                        ('srcnn-mindspore', 0)])
def test_a_picture_smaller_than_border_and_window_is_refused(hr, name, edge):
    side = 2 * edge + 11
    small = hr[:side, :side]
    assert PROTOCOLS[name].score(small, small, 3)['psnr'] == math.inf
    with pytest.raises(UserError, match='%dx%d is too small .* without %d pixels'
                       % (side, side - 1, edge)):
        PROTOCOLS[name].score(small[:-1], small[:-1], 3)


@pytest.mark.parametrize('name', sorted(PROTOCOLS))
def test_a_grey_picture_that_is_saved_as_rgb_is_itself(name):
    grey = np.arange(2304, dtype=np.int64).reshape(48, 48).astype(np.uint8)
    assert PROTOCOLS[name].score(np.dstack([grey] * 3), grey, 2)['psnr'] == math.inf


def test_pictures_that_are_not_compared(hr):
    for sr, truth in ((hr[..., 0], hr), (hr[..., :1], hr), (hr.astype(np.uint16), hr),
                      (hr, hr.astype(np.uint16))):
        with pytest.raises(UserError, match='those that are scored are'):
            PROTOCOLS['paper'].score(sr, truth, 3)


def test_ms_ssim_comes_with_the_number_of_its_scales(sr, hr):
    scores = PROTOCOLS['paper'].score(sr, hr, 2, measures=('ms_ssim',))
    assert set(scores) == {'ms_ssim', 'ms_ssim_scales'}
    assert 0.5 < scores['ms_ssim'] < 1
    assert scores['ms_ssim_scales'] == 3


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(str(path))


@pytest.fixture
def uneven(photos, tmp_path):
    """A loader of one picture of 50x47, with a wrong but well-sized LR file at x3."""
    picture = read_rgb(str(photos / 'chelsea.png'))[:47, :50]
    save(tmp_path / 'HR' / 'cat.png', picture)
    save(tmp_path / 'LR' / 'x3' / 'cat.png', np.full((15, 16, 3), 7, np.uint8))
    return picture, BasicLoader(str(tmp_path / 'HR'), str(tmp_path / 'LR'), [3])


def test_protocols_of_equal_pictures_share_what_a_network_computes():
    groups = [[protocol.name for protocol in group]
              for group in group_by_source(PROTOCOLS).values()]
    assert groups == [['paper', 'rgb', 'tf-bsrn-sr', 'wdsr-mindspore'], ['rcan-ascend'],
                      ['rdn-ascend', 'srcnn-mindspore']]


def test_pictures_are_those_of_the_protocol(uneven):
    picture, loader = uneven
    pair, = loader.pairs()
    resized = Image.fromarray(picture).resize((48, 45), Image.BICUBIC)
    expected = {
        'paper': (np.full((15, 16, 3), 7), picture[:45, :48]),
        'rcan-ascend': (Image.fromarray(picture[:45, :48]).resize((16, 15), Image.BICUBIC),
                        picture[:45, :48]),
        'rdn-ascend': (resized.resize((16, 15), Image.BICUBIC), resized),
    }
    for name, pictures in expected.items():
        source, = group_by_source([name])
        found = source.pictures(loader, pair, loader.read(pair.hr), 3)
        assert all(map(np.array_equal, found, map(np.asarray, pictures))), name


def test_a_degradation_that_is_asked_for_replaces_the_protocols_own(uneven):
    picture, loader = uneven
    pair, = loader.pairs()
    groups = group_by_source(PROTOCOLS, 'unknown')
    assert [len(group) for group in groups.values()] == [5, 2]
    for source in groups:
        lr, hr = source.pictures(loader, pair, loader.read(pair.hr), 3)
        assert (lr == 7).all() and hr.shape == (45, 48, 3)


def test_the_rival_is_enlarged_in_the_same_way(photos):
    lr = downscale(read_rgb(str(photos / 'chelsea.png')), 3)
    pillow = np.asarray(Image.fromarray(lr).resize((96, 96), Image.BICUBIC))
    for name, expected in (('paper', upscale(lr, 3)), ('srcnn-mindspore', pillow)):
        source, = group_by_source([name])
        assert np.array_equal(source.enlarge(lr, 3), expected)


@pytest.mark.parametrize('scale, psnr, ssim', [(2, 33.674, 0.9303), (3, 30.405, 0.8689),
                                               (4, 28.430, 0.8111)])
def test_bicubic_on_set5_from_lr_images_that_it_makes(data_root, scale, psnr, ssim):
    loader = FolderLoader(data_root + '/Set5/HR', None, [scale])
    source, = group_by_source(['paper'])
    scores = []
    for pair in loader.pairs():
        lr, hr = source.pictures(loader, pair, loader.read(pair.hr), scale)
        scores.append(PROTOCOLS['paper'].score(source.enlarge(lr, scale), hr, scale))
    assert abs(np.mean([score['psnr'] for score in scores]) - psnr) < 1e-3
    assert abs(np.mean([score['ssim'] for score in scores]) - ssim) < 1e-4


def test_published_scores_are_found_by_any_name_of_a_set():
    assert published('rcan', 'Set5', 2)[:2] == (38.27, 0.9614)
    assert published('bicubic', 'bsd100', 4) == published('bicubic', 'B100', 4)
    assert published('bicubic', 'B100', 4)[:2] == (25.96, 0.6675)
    assert published('wdsr', 'DIV2K', 4, 'tf-bsrn-sr')[:2] == (29.04, None)


def test_scores_on_blurred_pictures_are_not_those_on_others():
    assert published('rdn', 'Set5', 3)[:2] == (34.71, 0.9296)
    assert published('rdn', 'Set5', 3, degradation='blur-down')[:2] == (34.58, 0.9280)
    assert published('rdn', 'Set5', 3, degradation='bicubic-pillow') is None


def test_what_is_not_published_is_none():
    assert published('wdsr', 'DIV2K', 4) is None
    assert published('bsrn', 'Set5', 4) is None
    assert published('rcan', 'Set5', 8) is None
    assert published('edsr', 'Set5', 2) is None


@pytest.mark.parametrize('dataset', ['Set5', 'BSD100'])
def test_blurred_pictures_score_as_published(data_root, dataset):
    """A hundredth more, as papers enlarge the luma and not the picture, also where LR is bicubic.

    Any other phase than the centre, or a blur that is not of 1.6, would cost tenths.
    """
    loader = FolderLoader('%s/%s/HR' % (data_root, dataset), None, [3])
    source, = group_by_source(['paper'], 'blur-down')
    scores = []
    for pair in loader.pairs():
        lr, hr = source.pictures(loader, pair, loader.read(pair.hr), 3)
        scores.append(PROTOCOLS['paper'].score(source.enlarge(lr, 3), hr, 3))
    expected = published('bicubic', dataset, 3, degradation='blur-down')
    assert abs(np.mean([score['psnr'] for score in scores]) - expected.psnr) < 0.015
    assert abs(np.mean([score['ssim'] for score in scores]) - expected.ssim) < 0.0015


@pytest.mark.parametrize('model', ['srcnn', 'rdn', 'rcan', 'wdsr'])
def test_published_scores_are_plausible(model):
    """A digit that was mistyped would break the order of scales, or of the model and bicubic."""
    for dataset in ('Set5', 'Set14', 'BSD100', 'Urban100', 'Manga109'):
        found = [published(model, dataset, scale) for scale in SCALES]
        rivals = [published('bicubic', dataset, scale) for scale in SCALES]
        if None in found:
            assert found == [None] * 3
            continue
        assert all(row.source for row in found)
        assert found[0].psnr > found[1].psnr > found[2].psnr
        assert all(0.9 < row.psnr - rival.psnr < 9 for row, rival in zip(found, rivals))
        assert all(0 < row.ssim - rival.ssim < 0.2 for row, rival in zip(found, rivals)
                   if row.ssim and rival.ssim)


def test_the_program_in_the_guide_runs(photos, capsys):
    with open(os.path.join(ROOT, 'docs', 'scores.md'), encoding='utf-8') as file:
        programs = re.findall(r'```python\n(.*?)```', file.read(), re.S)
    exec(programs[0].replace('Set5/HR', str(photos)), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(SCALES) * len(PROTOCOLS)
    assert all(re.match(r'x\d [\w-]+ +\d\d\.\d\d / 0\.\d{4}$', line) for line in lines)
    exec(programs[1], {})


class Repeating(Network):
    """Gives back what a model reads."""

    def images(self, batch, scale):
        return batch


@pytest.mark.parametrize('tile', [None, 40])
def test_a_network_can_read_what_the_protocol_enlarges(tile):
    image = random_image(61, 50)
    upscaler = Upscaler(make_model('srcnn', 2), Repeating(), tile)
    source, = group_by_source(['srcnn-mindspore'])
    pillow = Image.fromarray(image).resize((100, 122), Image.BICUBIC)
    assert np.allclose(upscaler.reading(source.enlarge)(image), pillow, atol=1e-3)
    assert np.allclose(upscaler(image), upscale(image, 2), atol=1e-3)

"""Scoring many images: the same digits however they are computed, in bounded memory."""
import math
import os

import numpy as np
import pytest
from PIL import Image
from random_networks import make_upscaler, random_image

import dataloaders
from sr_tf.errors import UserError
from sr_tf.images import files, resize
from sr_tf.scoring import evaluate as evaluation
from sr_tf.scoring import protocols
from sr_tf.scoring.benchmark import Benchmark
from sr_tf.scoring.evaluate import Settings, evaluate
from sr_tf.scoring.methods import Folder, Network
from sr_tf.scoring.protocols import MEASURES, PROTOCOLS
from sr_tf.scoring.results import score_set, summarize
from sr_tf.scoring.sets import ImageSet, describe
from sr_tf.scoring.sources import group_by_source
from sr_tf.scoring.validation import Validation

PAPER = Settings(('paper',), MEASURES, None, False)
ROUNDED = Settings(('paper', 'rgb', 'tf-bsrn-sr', 'wdsr-mindspore'), MEASURES, None, False)
FLOAT = Settings(('rdn-ascend',), MEASURES, None, False)
ALL = Settings(tuple(PROTOCOLS), ('psnr', 'ssim'), None, False)
SIZES = {'a': (120, 132), 'b': (132, 120), 'c': (120, 132), 'd': (121, 133), 'e': (90, 90)}


class Alone:
    rank, size = 0, 1

    @staticmethod
    def gather(value):
        return [value]


class Bicubic:
    """A method that needs no network, and does to HR pictures what `spoil` says."""

    name = 'bicubic'
    scales = None
    facts = {'model': 'bicubic', 'checkpoint': ''}
    combines_outputs = False
    output_numbers = ()

    def enlarger(self, test_set, source):
        return lambda pairs, images: [
            resize.upscale(image, test_set.scale).astype(np.float32) for image in images]

    def outputs(self, image, scale, source):
        return []


class Perfect(Bicubic):
    """Gives the HR picture itself."""

    def enlarger(self, test_set, source):
        return lambda pairs, images: [
            resize.crop_to_multiple(test_set.loader.read(pair.hr), test_set.scale)
            for pair in pairs]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A set of smooth pictures of which two have one size."""
    root = tmp_path_factory.mktemp('sets') / 'Five'
    root.mkdir()
    for seed, (name, (height, width)) in enumerate(SIZES.items()):
        smooth = resize.upscale(random_image(height // 4 + 1, width // 4 + 1, seed), 4)
        Image.fromarray(smooth[:height, :width]).save(str(root / (name + '.png')))
    return root


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(str(path))


def image_set(folder, scale=2):
    loader = dataloaders.find('folder_loader')(str(folder), None, (scale,))
    return ImageSet('Five', scale, loader)


def scores(method, chosen, settings=PAPER):
    """All that is measured, without the times."""
    result = score_set(method, chosen, settings, Alone)
    for entry in [result] + result['images']:
        del entry['seconds']
    return result


@pytest.mark.parametrize('name', ['bsrn', 'rcan', 'rdn', 'srcnn', 'wdsr'])
def test_the_same_digits_in_a_batch_and_one_by_one_and_in_tiles(folder, monkeypatch, name):
    """All digits where pictures are rounded, as they are when they are saved.

    RCAN has no tiles, and the mean of a picture may be added up in another order in a batch.
    """
    def scored(tile):
        method = Network([make_upscaler(name, 2, tile=tile)], name)
        return scores(method, image_set(folder), ROUNDED), scores(method, image_set(folder), FLOAT)

    monkeypatch.setattr(evaluation, 'LEAST_BATCHES', 1)
    rounded, unrounded = scored(0)
    monkeypatch.setattr(evaluation, 'BATCH_PIXELS', 1)
    for tile in (0,) if name == 'rcan' else (0, 48):
        other_rounded, other_unrounded = scored(tile)
        assert other_rounded == rounded or name == 'rcan'
        assert_close(other_rounded, rounded)
        assert_close(other_unrounded, unrounded)


def assert_close(result, expected):
    for image, other in zip(result['images'], expected['images']):
        assert [image[measure] for measure in MEASURES] == pytest.approx(
            [other[measure] for measure in MEASURES], abs=1e-5)


def test_images_of_one_size_are_computed_together(folder, monkeypatch):
    monkeypatch.setattr(evaluation, 'LEAST_BATCHES', 1)
    sizes = []

    class Watched(Bicubic):
        def enlarger(self, test_set, source):
            enlarge = super().enlarger(test_set, source)

            def watched(pairs, images):
                sizes.append([pair.name for pair in pairs])
                return enlarge(pairs, images)
            return watched

    list(evaluate(Watched(), image_set(folder), PAPER))
    assert sizes == [['b'], ['a', 'c', 'd'], ['e']]  # at x2, a, c and d all have 60x66 pixels


@pytest.mark.parametrize('processes, least_batches', [(2, 1), (2, 16), (3, 2), (7, 16)])
def test_shares_make_the_whole(folder, monkeypatch, processes, least_batches):
    monkeypatch.setattr(evaluation, 'LEAST_BATCHES', least_batches)
    method = Network([make_upscaler('wdsr', 2)], 'wdsr')
    whole = {scored.index: scored.scores for scored in evaluate(method, image_set(folder), PAPER)}
    parts = [{scored.index: scored.scores
              for scored in evaluate(method, image_set(folder), PAPER, (rank, processes))}
             for rank in range(processes)]
    assert sum(map(len, parts)) == len(whole) == len(SIZES)
    assert {index: part[index] for part in parts for index in part} == whole


def test_scores_are_those_of_the_protocols(folder):
    chosen = image_set(folder, 3)
    result = score_set(Bicubic(), chosen, ALL, Alone)
    assert [image['name'] for image in result['images']] == sorted(SIZES)
    for image, pair in zip(result['images'], chosen.loader.pairs()):
        hr = resize.crop_to_multiple(chosen.loader.read(pair.hr), 3)
        sr = resize.upscale(resize.downscale(hr, 3), 3)
        assert (image['psnr'], image['ssim']) == protocols.score(sr, hr, 3)
        assert image['protocols']['rgb']['psnr'] == protocols.score(sr, hr, 3, 'rgb')[0]
        assert image['bicubic']['psnr'] == image['psnr']
    assert result['psnr'] == np.mean([image['psnr'] for image in result['images']])
    assert set(result['protocols']) == set(PROTOCOLS) - {'paper'}
    assert result['megapixels'] == pytest.approx(
        sum((height // 3 * 3) * (width // 3 * 3) for height, width in SIZES.values()) / 1e6)


def test_memory_holds_a_few_images_at_a_time(tmp_path, monkeypatch):
    for number in range(12):
        save(tmp_path / ('%d.png' % number), random_image(20, 20, number))
    monkeypatch.setattr(evaluation, 'HELD_PIXELS', 20 * 20)
    held, most = [], []
    chosen = image_set(tmp_path)

    def read(where):
        held.append(where)
        most.append(len(held))
        return files.read_channels(where)

    monkeypatch.setattr(chosen.loader, 'read_channels', read)
    for scored in evaluate(Bicubic(), chosen, PAPER):
        held.remove(scored.pair.hr)
    # One is read while another waits, and so for those that are scored; one is in between.
    assert len(most) == 12 and max(most) <= 5


def test_equal_pictures_are_infinitely_good_and_counted_apart(folder):
    result = score_set(Perfect(), image_set(folder), PAPER, Alone)
    assert result['psnr'] == math.inf
    assert result['infinite'] == len(SIZES)
    assert [image['psnr'] for image in result['images']] == [math.inf] * len(SIZES)


def test_the_mean_is_that_of_the_others_when_some_pictures_are_equal(folder):
    def image(name, psnr):
        score = {'psnr': psnr, 'ssim': 1.0, 'ms_ssim': 1.0}
        return {'name': name, 'seconds': 1.0, 'megapixels': 1.0,
                'scores': {'paper': dict(score, bicubic=dict(score, psnr=20.0))}}

    result = summarize(Bicubic(), image_set(folder), PAPER,
                       [image('a', 30.0), image('b', math.inf), image('c', 31.0)])
    assert (result['psnr'], result['infinite']) == (30.5, 1)
    assert (result['bicubic']['psnr'], result['bicubic']['infinite']) == (20.0, 0)


def test_a_grey_file_is_scored_as_its_one_channel(tmp_path):
    grey = resize.upscale(random_image(16, 16)[..., 0], 4)
    Image.fromarray(grey).save(str(tmp_path / 'grey.png'))
    result, = score_set(Bicubic(), image_set(tmp_path), PAPER, Alone)['images']
    sr = resize.upscale(resize.downscale(grey, 2), 2).astype(float)
    error = np.mean((sr - grey)[2:-2, 2:-2] ** 2)
    assert result['psnr'] == pytest.approx(10 * math.log10(255 ** 2 / error), rel=1e-9)


def test_errors_name_the_file(tmp_path):
    Image.fromarray(random_image(20, 12)).save(str(tmp_path / 'tiny.png'))
    with pytest.raises(UserError, match=r'tiny\.png: the picture of 12x20 is too small'):
        score_set(Bicubic(), image_set(tmp_path), PAPER, Alone)


@pytest.mark.parametrize('name, picture, words', [
    ('LR/x2/a.png', random_image(10, 12),
     r'LR/x2/a\.png: is 12x10, but at x2 its HR image .*HR/a\.png of 48x40 needs 24x20'),
    ('HR/a.png', random_image(40, 48, dtype=np.uint16)[..., 0],
     r'HR/a\.png: has more than 8 bits'),
    ('HR/a.bmp', random_image(40, 48), r'a\.bmp and .*a\.png: two images of one name'),
])
def test_images_that_cannot_be_scored(tmp_path, name, picture, words):
    save(tmp_path / 'HR' / 'a.png', random_image(40, 48))
    save(tmp_path / name, picture)
    loader = dataloaders.find('benchmark_loader')(str(tmp_path), None, (2,))
    with pytest.raises(UserError, match=words):
        score_set(Bicubic(), ImageSet('S', 2, loader), PAPER, Alone)


def test_a_palette_is_looked_up(tmp_path):
    picture = Image.fromarray(random_image(40, 48)).quantize(16)
    picture.save(str(tmp_path / 'a.png'))
    save(tmp_path / 'rgb' / 'a.png', np.asarray(picture.convert('RGB')))
    assert Image.open(str(tmp_path / 'a.png')).mode == 'P'
    own, expected = (scores(Bicubic(), ImageSet('S', 2, dataloaders.find('benchmark_loader')(
        str(folder), None, (2,)))) for folder in (tmp_path, tmp_path / 'rgb'))
    assert own == expected


class TestFolder:
    def pictures(self, folder, out, cut=0):
        """What bicubic makes of the set, as files of another tool."""
        for pair in image_set(folder).loader.pairs():
            hr = image_set(folder).loader.read(pair.hr)
            sr = resize.upscale(resize.downscale(resize.crop_to_multiple(hr, 2), 2), 2)
            whole = hr.copy()  # some tools give pictures of odd sizes too
            whole[:sr.shape[0], :sr.shape[1]] = sr
            whole = whole[cut:]
            save(out / ('x2_%s_tool.png' % pair.name), whole)

    def test_its_pictures_are_scored_as_those_of_a_network(self, folder, tmp_path):
        self.pictures(folder, tmp_path / 'tool')
        method = Folder(str(tmp_path / 'tool'), 'tool')
        assert scores(method, image_set(folder)) == scores(Bicubic(), image_set(folder))

    def test_pictures_of_another_size(self, folder, tmp_path):
        self.pictures(folder, tmp_path / 'tool', cut=2)
        with pytest.raises(UserError, match=r'x2_b_tool\.png: is 120x130, but .*b\.png at x2 '
                                            r'needs 120x132 \(\+0 in width, -2 in height\)'):
            scores(Folder(str(tmp_path / 'tool'), 'tool'), image_set(folder))

    def test_methods_are_compared_image_by_image(self, folder, tmp_path):
        self.pictures(folder, tmp_path / 'tool')
        methods = [Network([make_upscaler('wdsr', 2)], 'net'),
                   Folder(str(tmp_path / 'tool'), 'tool')]
        benchmark = Benchmark(methods, [image_set(folder)], PAPER, Alone, keep=True)
        results = [result for _, result in benchmark.results()]
        metrics = benchmark.metrics()
        assert [run['name'] for run in metrics['runs']] == ['net', 'tool']
        assert metrics['results'] == [results[0]]
        psnr, ssim = metrics['comparisons']
        own, its = ([image['psnr'] for image in result['images']] for result in results)
        assert (psnr['name'], psnr['against'], psnr['measure']) == ('tool', 'net', 'psnr')
        assert psnr['mean'] == pytest.approx(np.mean(its) - np.mean(own))
        assert psnr['better'] == sum(b > a for a, b in zip(own, its))
        assert ssim['measure'] == 'ssim' and 0 < psnr['signed_rank_p'] <= 1
        shown = list(benchmark.pictures())
        assert sorted(picture['name'] for picture in shown) == sorted(SIZES)
        for picture in shown:
            np.testing.assert_array_equal(picture['sr']['tool'], picture['bicubic'])


def test_pictures_that_were_not_kept_are_made_again(folder, monkeypatch):
    def shown(kept_bytes):
        monkeypatch.setattr('sr_tf.scoring.pictures.KEPT_BYTES', kept_bytes)
        benchmark = Benchmark([Network([make_upscaler('wdsr', 2)], 'net')], [image_set(folder)],
                              PAPER, Alone, keep=True)
        list(benchmark.results())
        return list(benchmark.pictures())

    for kept, again in zip(shown(2 ** 20), shown(0)):
        assert kept['name'] == again['name']
        np.testing.assert_array_equal(kept['sr']['SR'], again['sr']['SR'])


def test_training_is_validated_with_the_same_digits(folder):
    upscaler = make_upscaler('wdsr', 2)
    sets = [image_set(folder), image_set(folder)]
    parts = [Validation(lambda weights: upscaler, sets, None, (rank, 2)) for rank in range(2)]
    together = sum(part.scores({}) for part in parts)
    assert together.dtype == np.float64 and len(together) == parts[0].count == 10
    expected = score_set(Network([upscaler], 'net'), sets[0], PAPER, Alone)
    assert together[:5].tolist() == [image['psnr'] for image in expected['images']]
    assert parts[0].mean(together) == expected['psnr']


class TestLookingUp:
    """A set is looked up on disk once, however often it is scored."""

    class Counting(dataloaders.find('folder_loader')):
        """Notes each image whose size it is asked for, and each listing."""

        def __init__(self, folder):
            super().__init__(str(folder), None, (2,))
            self.sized, self.listings = [], 0

        def size(self, where):
            self.sized.append(where)
            return super().size(where)

        def list_pairs(self):
            self.listings += 1
            return super().list_pairs()

    def assert_once(self, loader, folder):
        assert loader.listings == 1
        assert sorted(loader.sized) == [str(folder / (name + '.png')) for name in SIZES]

    def test_by_several_methods_and_protocols(self, folder):
        loader = self.Counting(folder)
        settings = Settings(('paper', 'rcan-ascend'), ('psnr',), None, False)
        assert len(group_by_source(settings.protocols, settings.degradation)) == 2
        benchmark = Benchmark([Bicubic(), Perfect()], [ImageSet('Five', 2, loader)],
                              settings, Alone)
        assert len(list(benchmark.results())) == 2
        self.assert_once(loader, folder)

    def test_by_each_validation_of_a_training(self, folder):
        loader = self.Counting(folder)
        upscaler = make_upscaler('srcnn', 2)
        validation = Validation(lambda weights: upscaler, [ImageSet('Five', 2, loader)], None,
                                (0, 1))
        first = validation.scores({})
        np.testing.assert_array_equal(validation.scores({}), first)
        self.assert_once(loader, folder)


def test_what_a_set_is_made_of_is_said(folder, tmp_path):
    assert describe(image_set(folder), PAPER) == (
        'Five x2: 5 images, HR %s, LR made by bicubic' % folder)
    pillow = Settings(('rcan-ascend',), MEASURES, None, False)
    assert describe(image_set(folder), pillow).endswith('LR made by bicubic-pillow')
    save(tmp_path / 'HR' / 'a.png', random_image(24, 24))
    save(tmp_path / 'LR' / 'x2' / 'a.png', random_image(12, 12))

    def described():
        loader = dataloaders.find('benchmark_loader')(str(tmp_path), None, (2,))
        return describe(ImageSet('S', 2, loader), PAPER)

    assert described() == (
        'S x2: 1 image, HR %s, LR %s' % (tmp_path / 'HR', tmp_path / 'LR' / 'x2'))
    save(tmp_path / 'HR' / 'b.png', random_image(24, 24))
    assert described().endswith('/LR/x2 for 1 of them, the others made by bicubic')


class TestWhatIsKnownAtTheStart:
    class Untouched(Bicubic):
        def enlarger(self, test_set, source):
            def enlarge(pairs, images):
                pytest.fail('it scores %s first' % pairs[0].hr)
            return enlarge

    def results(self, method, *sets):
        return next(Benchmark([method], sets, PAPER, Alone).results())

    def test_a_picture_that_is_too_small(self, folder, tmp_path):
        save(tmp_path / 'large.png', random_image(64, 64))
        save(tmp_path / 'small.png', random_image(15, 14))
        with pytest.raises(UserError, match='small.png: the picture of 14x14 is too small'):
            self.results(self.Untouched(), image_set(folder), image_set(tmp_path))

    def test_a_picture_that_is_missing_from_a_later_set(self, folder, tmp_path):
        for name in SIZES:
            save(tmp_path / 'tool' / (name + '.png'), random_image(8, 8))
        save(tmp_path / 'more' / 'f.png', random_image(64, 64))
        with pytest.raises(UserError, match='has no picture for f of Five at x2'):
            self.results(Folder(str(tmp_path / 'tool'), 'tool'), image_set(folder),
                         image_set(tmp_path / 'more'))


def test_relative_and_absolute_folders_are_described(folder, tmp_path, monkeypatch):
    save(tmp_path / 'here' / 'f.png', random_image(64, 64))
    monkeypatch.chdir(str(tmp_path))
    loader = dataloaders.find('folder_loader')('here,%s' % folder, None, (2,))
    assert 'x2: 6 images, HR %s' % os.path.commonpath([str(tmp_path), str(folder)]) in describe(
        ImageSet('both', 2, loader), PAPER)

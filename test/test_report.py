import base64
import io
import math
import os
import re
import weakref
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from sr_tf.errors import UserError
from sr_tf.report import charts
from sr_tf.report.histogram import psnr_histogram
from sr_tf.report.page import write_report

VOID = {'meta', 'link', 'img', 'input', 'br'}


class Node:
    def __init__(self, tag, attributes=()):
        self.tag = tag
        self.attributes = dict(attributes)
        self.children = []

    def all(self, tag, kind=None):
        """The elements of a tag below this one, in order; only those of a class, if given."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                classes = child.attributes.get('class', '').split()
                if child.tag == tag and (kind is None or kind in classes):
                    found.append(child)
                found += child.all(tag, kind)
        return found

    @property
    def text(self):
        parts = (child.text if isinstance(child, Node) else child for child in self.children)
        return ' '.join(' '.join(parts).split())


class Tree(HTMLParser):
    """Parses a page and insists that every element is closed where it should be."""

    def __init__(self, page):
        super().__init__()
        self.root = Node('')
        self._open = [self.root]
        self.feed(page)
        self.close()
        assert self._open == [self.root]

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        node = Node(tag, attrs)
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_startendtag(self, tag, attrs):
        self._open[-1].children.append(Node(tag, attrs))

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        self._open[-1].children.append(data)


def image(name, psnr, bicubic_psnr, ssim=0.9, bicubic_ssim=0.85):
    return {'name': name, 'psnr': psnr, 'ssim': ssim,
            'bicubic': {'psnr': bicubic_psnr, 'ssim': bicubic_ssim}}


def result(dataset='Set5', scale=2, images=(), **more):
    return dict({'dataset': dataset, 'scale': scale, 'psnr': 37.891, 'ssim': 0.95994,
                 'bicubic': {'psnr': 33.68, 'ssim': 0.93}, 'seconds': 12.34,
                 'images': list(images)}, **more)


def metrics_of(*results):
    return {'model': 'bsrn', 'checkpoint': '/somewhere/private/model.ckpt-800', 'results': results,
            'protocol': protocol('paper')}


def protocol(name):
    return {'name': name, 'origin': 'the origin of %s' % name, 'truth': 'cropped',
            'lr': 'bicubic', 'output': 'rounded', 'channel': 'Y of uint8 RGB, BT.601',
            'crop': 'the scale', 'ssim': '11x11 Gaussian, sigma 1.5'}


def picture_of(height=60, width=72, scale=3, name='bird', dataset='Set5', grey=False):
    random = np.random.RandomState(0)
    hr, bicubic, sr = random.randint(0, 256, [3, height, width, 3], dtype=np.uint8)
    lr = random.randint(0, 256, [height // scale, width // scale, 3], dtype=np.uint8)
    arrays = {'lr': lr, 'bicubic': bicubic, 'sr': sr, 'hr': hr}
    if grey:
        arrays = {key: array[..., 0] for key, array in arrays.items()}
    return dict(arrays, sr={'SR': arrays['sr']}, dataset=dataset, scale=scale, name=name)


def decoded(uri):
    kind, content = re.match(r'data:image/(\w+);base64,(.*)$', uri).groups()
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert picture.format.lower() == kind
    return picture


@pytest.fixture
def report(tmp_path):
    def write(results=(), pictures=(), **more):
        path = str(tmp_path / 'report.html')
        write_report(path, metrics_of(*results), pictures, **more)
        with open(path, encoding='utf-8') as file:
            return Tree(file.read()).root
    return write


def cells(row):
    return [cell.text for cell in row.children if isinstance(cell, Node)]


def test_the_head_names_model_checkpoint_and_protocol(report):
    page = report([result()])
    assert page.all('h1')[0].text == 'bsrn'
    facts = page.all('dl')[0].text
    for words in ('model.ckpt-800', 'paper', 'Y of uint8 RGB, BT.601', 'as wide as the scale',
                  '11x11 Gaussian, sigma 1.5'):
        assert words in facts
    assert 'private' not in page.text
    assert re.search(r'\d{4}-\d\d-\d\d', facts)


def test_a_title_replaces_the_models_name_as_headline(report):
    page = report([result()], title='Night <run>')
    assert page.all('h1')[0].text == page.all('title')[0].text == 'Night <run>'
    assert 'bsrn' in page.all('dl')[0].text


def test_results_table_shows_the_metrics(report):
    worse = {'psnr': 38.0, 'ssim': 0.959941}
    page = report([result(images=[image('a', 1, 1)]), result('BSD100', 4, bicubic=worse)])
    rows = page.all('table', 'results')[0].all('tbody')[0].all('tr')
    assert [cells(row)[:4] for row in rows] == [
        ['Set5 ×2', '37.89 0.9599', '33.68 0.9300', '+4.21 +0.0299'],
        ['BSD100 ×4', '37.89 0.9599', '38.00 0.9599', '−0.11 0.0000']]
    assert [cells(row)[5:] for row in rows] == [['1', '12.3 s'], ['0', '12.3 s']]
    assert [[gain.attributes['class'] for gain in row.all('td')[2].all('span')[1:]
             if gain.attributes.get('class')] for row in rows] == [['up', 'up'], ['down', 'same']]


def test_image_table_shows_each_image_and_can_be_sorted_by_exact_values(report):
    page = report([result(images=[image('baby', 31.239, 30.0), image('bird', 29.5, 30.0),
                                  image('head', math.inf, 30.0)])])
    table, = page.all('table', 'images')
    rows = table.all('tbody')[0].all('tr')
    assert [cells(row) for row in rows] == [
        ['baby', '+1.24', '31.24', '30.00', '+0.0500', '0.9000', '0.8500'],
        ['bird worst lowest', '−0.50', '29.50', '30.00', '+0.0500', '0.9000', '0.8500'],
        ['head best', '+∞', '∞', '30.00', '+0.0500', '0.9000', '0.8500']]
    values = [[cell.attributes['data-value'] for cell in row.all('td')] for row in rows]
    assert float(values[0][1]) == 31.239
    assert values[2][:2] == ['Infinity', 'Infinity']
    assert len(table.all('button')) == len(table.all('th', None)) - len(rows) == 7
    assert page.all('summary')[0].text == (
        'Set5 ×2 3 images worst −0.50 bird best +∞ head lowest 29.50 dB bird')


def test_two_perfect_pictures_gain_nothing(report):
    page = report([result(images=[image('black', math.inf, math.inf)])])
    row, = page.all('table', 'images')[0].all('tbody')[0].all('tr')
    assert cells(row)[1:4] == ['0.00', '∞', '∞']


def test_names_are_escaped(report):
    name = '"><script>alert(1)</script>$x & ü'
    page = report([result(name, images=[image(name, 30.0, 29.0)])],
                  [picture_of(name=name, dataset=name, scale=2)])
    assert len(page.all('script')) == 1
    assert page.all('h3')[0].text == f'{name} {name} ×2'
    row, = page.all('table', 'images')[0].all('tbody')[0].all('tr')
    assert row.all('span')[0].text == name
    article, = page.all('article')
    assert article.attributes['data-key'] == row.all('span')[0].attributes['data-key']


def test_a_file_name_that_is_not_unicode_is_written(report):
    assert report([result(images=[image('\udcff.png', 30.0, 29.0)])]).all('summary')


def test_nothing_is_loaded_from_elsewhere(report):
    page = report([result(images=[image('bird', 30.0, 29.0)])], [picture_of()],
                  curve={'loss': [(1, 2.0), (2, 1.0)]})

    def visit(node):
        for name, value in node.attributes.items():
            if name in ('src', 'href', 'data', 'action', 'poster', 'srcset'):
                assert value.startswith('data:'), value
        for child in node.children:
            if isinstance(child, Node):
                visit(child)
            else:
                assert not re.search(r'https?:|@import|url\(', child)
    visit(page)
    policy, = [meta for meta in page.all('meta') if 'http-equiv' in meta.attributes]
    assert "default-src 'none'" in policy.attributes['content']


@pytest.mark.parametrize('grey', [False, True])
def test_pictures_are_embedded_without_loss(report, grey):
    picture = picture_of(grey=grey)
    article, = report([result()], [picture]).all('article')
    bicubic, bicubic_error, sr, sr_error = [
        decoded(shown.attributes['src']) for shown in article.all('div', 'stage')[0].all('img')]
    np.testing.assert_array_equal(np.asarray(bicubic), picture['bicubic'])
    np.testing.assert_array_equal(np.asarray(sr), picture['sr']['SR'])
    for error, compared in ((bicubic_error, picture['bicubic']), (sr_error, picture['sr']['SR'])):
        expected = charts.error_ramp()[charts.error_map(compared, picture['hr'])]
        np.testing.assert_array_equal(np.asarray(error.convert('RGB')), expected)
    slider, = article.all('div', 'stage')[0].all('input')
    assert slider.attributes['type'] == 'range' and slider.attributes['aria-label']


def test_crops_show_where_bicubic_is_improved_most(report):
    picture = picture_of(120, 150)
    sr = picture['bicubic'].copy()
    sr[63:111, 93:141] = picture['hr'][63:111, 93:141]
    picture['sr'] = {'SR': sr}
    article, = report([result()], [picture]).all('article')
    crops = {figure.all('figcaption')[0].text: decoded(figure.all('img')[0].attributes['src'])
             for figure in article.all('figure')}
    assert list(crops) == ['LR', 'bicubic', 'SR', 'HR', 'bicubic error', 'SR error']
    for name, whole in (('bicubic', picture['bicubic']), ('SR', sr), ('HR', picture['hr'])):
        np.testing.assert_array_equal(np.asarray(crops[name]), whole[63:111, 93:141])
    np.testing.assert_array_equal(np.asarray(crops['LR']), picture['lr'][21:37, 31:47])
    assert not np.asarray(crops['SR error']).any()
    assert '62.000%' in article.all('i', 'window')[0].attributes['style']


def test_a_picture_smaller_than_the_crop(report):
    article, = report([result()], [picture_of(20, 33, scale=4)]).all('article')
    width, height = decoded(article.all('figure')[3].all('img')[0].attributes['src']).size
    assert (height, width) == (20, 32)


def test_scores_of_a_picture_stand_above_it(report):
    results = [result(scale=3, images=[image('bird', 30.25, 29.0)])]
    known, unknown = report(results, [picture_of(), picture_of(name='eagle')]).all('article')
    assert known.all('p', 'score')[0].text == (
        'PSNR 30.25 dB +1.25 SSIM 0.9000 +0.0500 gains over bicubic')
    assert unknown.all('p', 'score') == []


def test_large_pictures_become_jpegs():
    smooth = np.add.outer(np.arange(600), np.arange(510)).astype(np.uint8) // 2
    large = np.stack([smooth] * 3, axis=-1)
    shown = decoded(charts.data_uri(large))
    assert shown.format == 'JPEG'
    assert np.abs(np.asarray(shown).astype(int) - large).mean() < 2
    assert decoded(charts.data_uri(smooth, charts.error_ramp())).format == 'PNG'


def test_pictures_are_not_kept_in_memory(report):
    made = []

    def picture():
        new = picture_of()
        made.append(weakref.ref(new['hr']))
        return new

    def pictures():
        for _ in range(4):
            assert sum(reference() is not None for reference in made) <= 1
            yield picture()
    assert len(report([result()], pictures()).all('article')) == 4


def test_recursions_have_a_table_and_a_chart(report):
    recursions = [{'recursion': number, 'psnr': 30 + number / 8, 'ssim': 0.8 + number / 100}
                  for number in (1, 2, 3)]
    page = report([result(), result('Set14', recursions=recursions)])
    row, = page.all('table', 'recursions')[0].all('tbody')[0].all('tr')
    assert cells(row) == ['Set14 ×2', '30.12 0.8100', '30.25 0.8200', '30.38 0.8300']
    chart, = page.all('figure', 'chart')
    assert chart.all('figcaption')[0].text == 'Set14 ×2 30.38 dB after recursion 3, the best'
    assert len(chart.all('circle')) == 3


def test_curves_leave_out_what_is_not_a_number(report):
    page = report([result()], curve={
        'loss': [(0, math.nan), (10, 0.5), (20, math.inf), (30, 0.25), (40, None)],
        'psnr': []})
    chart, = page.all('figure', 'chart')
    assert chart.all('figcaption')[0].text == 'Loss 0.25 at step 30, the last'
    line, = chart.all('polyline')
    assert line.attributes['points'].count(',') == 2
    assert 'nan' not in chart.all('svg')[0].text


@pytest.mark.parametrize('curve', [None, {}, {'loss': [], 'psnr': []},
                                   {'loss': [(1, math.nan)], 'psnr': [(1, math.inf)]}])
def test_without_any_value_there_is_no_chart(report, curve):
    page = report([result()], curve=curve)
    assert not page.all('svg')
    assert 'Training' not in page.text


def corners(svg, kind):
    line, = Tree(svg).root.all('polyline', kind)
    return np.array([corner.split(',') for corner in line.attributes['points'].split()], float)


def test_a_single_point_is_a_dot_amid_the_chart():
    dot, = Tree(charts.line_chart([(500, 0.0)], 'step')).root.all('circle')
    assert charts.LEFT < float(dot.attributes['cx']) < charts.WIDTH - charts.RIGHT
    assert charts.TOP < float(dot.attributes['cy']) < charts.HEIGHT - charts.BOTTOM


def test_a_long_series_is_thinned_but_keeps_its_spikes():
    values = np.ones(100000)
    values[54321] = 9.0
    svg = charts.line_chart(zip(range(100000), values), 'step')
    raw, smooth = corners(svg, 'raw'), corners(svg, 'line')
    assert len(raw) <= charts.DRAWN_POINTS and len(svg) < 100000
    spike_x, spike_y = raw[raw[:, 1].argmin()]
    assert abs(spike_x - (charts.LEFT + 0.54321 * (raw[-1, 0] - charts.LEFT))) < 1
    assert smooth[:, 1].min() > spike_y + 100


def test_values_of_many_magnitudes_get_a_logarithmic_axis():
    svg = charts.line_chart([(0, 1000.0), (1, 1.0), (2, 0.001)], 'step')
    heights = corners(svg, 'line')[:, 1]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)
    labels = [text.text for text in Tree(svg).root.all('text', 'y')]
    assert labels == ['0.001', '0.01', '0.1', '1', '10', '100', '1000']


def test_ticks_are_round():
    svg = charts.line_chart([(0, 28.3), (50000, 31.7), (80000, 31.9)], 'step')
    labels = [text.text for text in Tree(svg).root.all('text')]
    assert labels == ['29', '30', '31', '32', '0', '20k', '40k', '60k', '80k', 'step']


def test_the_error_ramp_grows_evenly_brighter():
    brightness = charts.error_ramp().astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > 0).all()
    assert brightness[0] < 10 and brightness[-1] > 230


def test_a_failed_report_leaves_the_old_one_alone(tmp_path):
    path = tmp_path / 'report.html'
    path.write_text('old')

    def pictures():
        yield picture_of()
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        write_report(str(path), metrics_of(result()), pictures())
    assert path.read_text() == 'old'
    assert os.listdir(str(tmp_path)) == ['report.html']


def test_folders_are_made_and_what_is_in_the_way_is_named(tmp_path):
    path = str(tmp_path / 'new' / 'report.html')
    write_report(path, metrics_of(result()), [])
    assert os.listdir(str(tmp_path / 'new')) == ['report.html']
    blocked = os.path.join(path, 'report.html')
    with pytest.raises(UserError, match=re.escape(blocked)):
        write_report(blocked, metrics_of(result()), [])


def published(psnr, ssim):
    return {'psnr': psnr, 'ssim': ssim, 'source': 'the "RCAN" paper'}


def test_published_scores_stand_beside_ours(report):
    page = report([result(published=published(38.27, 0.9614)), result('Set14', 2),
                   result('DIV2K', 4, published=published(37.5, None))])
    heads = cells(page.all('table', 'results')[0].all('tr')[0])
    rows = page.all('table', 'results')[0].all('tbody')[0].all('tr')
    columns = [heads.index('Published'), heads.index('Difference')]
    assert [[cells(row)[column] for column in columns] for row in rows] == [
        ['38.27 0.9614', '−0.38 −0.0015'], ['', ''], ['37.50', '+0.39']]
    assert rows[0].all('td')[columns[0] - 1].attributes['title'] == 'the "RCAN" paper'


def test_nothing_is_said_of_published_scores_where_none_are_known(report):
    assert 'Published' not in report([result()]).text


def test_equal_pictures_are_counted_and_seconds_per_megapixel_are_told(report):
    page = report([result(images=[image('a', math.inf, 30.0), image('b', 31.0, 30.0)],
                          infinite=1, megapixels=24.68, ms_ssim=0.98765,
                          bicubic={'psnr': 33.68, 'ssim': 0.93, 'ms_ssim': 0.9})])
    row, = page.all('table', 'results')[0].all('tbody')[0].all('tr')
    assert cells(row)[4:] == ['0.9877 0.9000', '2 1 identical', '12.3 s 0.50 s']


def test_every_protocol_has_a_column_and_is_described(tmp_path):
    both = result(protocols={'rgb': {'psnr': 35.5, 'ssim': 0.94}})
    metrics = dict(metrics_of(both), protocols={name: protocol(name) for name in ('paper', 'rgb')})
    page = written(tmp_path, metrics)
    table, = page.all('table', 'protocols')
    assert [cells(row) for row in table.all('tr')] == [
        ['PSNR, SSIM by', 'paper', 'rgb'], ['Set5 ×2', '37.89 0.9599', '35.50 0.9400']]
    assert 'the origin of rgb: ' in page.all('dl', 'notes')[0].text


def written(folder, metrics, pictures=()):
    path = str(folder / 'report.html')
    write_report(path, metrics, pictures)
    with open(path, encoding='utf-8') as file:
        return Tree(file.read()).root


def two_methods():
    images = [image('bird', 30.25, 29.0)]
    first = dict(metrics_of(result(scale=3, images=images)), name='runs/a')
    other = dict(metrics_of(result(scale=3, images=[image('bird', 31.0, 29.0)], psnr=38.5)),
                 name='<b>')
    comparison = {'dataset': 'Set5', 'scale': 3, 'name': '<b>', 'against': 'runs/a',
                  'measure': 'psnr', 'mean': 0.75, 'better': 4, 'worse': 1, 't_p': 0.00001,
                  'signed_rank_p': None}
    return dict(metrics_of(*first['results']), runs=[first, other], comparisons=[comparison])


def test_several_methods_share_a_table_and_are_compared(tmp_path):
    page = written(tmp_path, two_methods())
    assert page.all('h1')[0].text == 'runs/a and <b>'
    rows = page.all('table', 'results')[0].all('tbody')[0].all('tr')
    assert [cells(row)[:3] for row in rows] == [
        ['Set5 ×3', 'runs/a', '37.89 0.9599'], ['Set5 ×3', '<b>', '38.50 0.9599']]
    row, = page.all('table', 'comparisons')[0].all('tbody')[0].all('tr')
    assert cells(row) == ['Set5 ×3', '<b>', 'runs/a', 'PSNR', '+0.75', '4', '1', '1e-05', '–']
    assert [summary.all('b')[0].text for summary in page.all('summary')] == [
        'Set5 ×3 runs/a', 'Set5 ×3 <b>']


def test_each_method_has_its_picture_and_score(tmp_path):
    picture = picture_of()
    picture['sr'] = {'runs/a': picture['sr']['SR'], '<b>': picture['hr']}
    article, = written(tmp_path, two_methods(), [picture]).all('article')
    assert [line.text.split(' dB')[0] for line in article.all('p', 'score')] == [
        'runs/a PSNR 30.25', '<b> PSNR 31.00']
    plain = {shown.attributes['data-method']: shown for shown in article.all('img', 'plain')}
    assert list(plain) == ['bicubic', 'runs/a', '<b>']
    assert [shown.attributes['class'] for shown in plain.values()] == [
        'plain', 'plain shown', 'plain shown over']
    np.testing.assert_array_equal(np.asarray(decoded(plain['<b>'].attributes['src'])),
                                  picture['hr'])
    assert [[option.text for option in select.all('option') if 'selected' in option.attributes]
            for select in article.all('select')] == [['runs/a'], ['<b>']]


def test_a_noisy_picture_too_large_for_a_png():
    noise = np.random.RandomState(0).randint(0, 256, (600, 600, 3)).astype(np.uint8)
    assert decoded(charts.data_uri(noise)).format == 'JPEG'


def test_a_histogram_counts_every_image():
    psnrs = [20.5, 21.0, 21.9, 26.1, 26.2, 33.0, 33.0, 40.0, math.inf]
    svg = Tree(psnr_histogram([image('i', psnr, 21.5) for psnr in psnrs])).root
    bars = {}
    for bar in svg.all('rect'):
        low, high, own, bicubic = map(float, re.match(
            r'(\S+) to (\S+) dB: (\d+) images, bicubic (\d+)$', bar.all('title')[0].text).groups())
        bars[low, high] = own, bicubic
        assert own == sum(low <= psnr < high for psnr in psnrs)
        assert bicubic == (len(psnrs) if low <= 21.5 < high else 0)
        assert float(bar.attributes['height']) >= 0
    assert sum(own for own, _ in bars.values()) == 8
    assert len(bars) >= 4


def test_a_few_images_need_no_histogram():
    assert psnr_histogram([image('i', 30.0, 29.0)] * 5) == ''

"""validate.py on several sets, methods and processes, as people type it."""
import csv
import json
import os
import re

import pytest
from absl import flags
from PIL import Image
from random_networks import make_model, random_image, save_checkpoint

import sr_tf
import validate
from sr_tf import flags as definitions
from sr_tf.errors import UsageError, UserError
from sr_tf.images import resize
from sr_tf.images.files import read_rgb
from sr_tf.scoring.files import write_csv
from sr_tf.scoring.methods import Folder, names_of, scales_of
from sr_tf.scoring.protocols import MEASURES, PROTOCOLS

NAMES = ('baby', 'bird', 'head')


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(str(path))


def smooth(seed, height=64, width=72):
    return resize.upscale(random_image(height // 4, width // 4, seed), 4)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Sets in two layouts, runs of two networks, and the pictures of another tool."""
    root = tmp_path_factory.mktemp('validate')
    for seed, name in enumerate(NAMES):
        hr = smooth(seed)
        save(root / 'sets' / 'Set5' / 'HR' / (name + '.png'), hr)
        save(root / 'sets' / 'Set5' / 'LR' / 'x2' / (name + '.png'), resize.downscale(hr, 2))
        save(root / 'tool' / 'Set5' / ('%sx2_tool.png' % name),
             resize.upscale(resize.downscale(hr, 2), 2))
        for scale in (2, 3):
            save(root / 'sets' / 'Urban' / ('image_SRF_%d' % scale)
                 / ('%s_SRF_%d_HR.png' % (name, scale)), smooth(seed + 10, 60, 72))
        save(root / 'tool' / 'Urban' / ('%sx2_tool.png' % name), smooth(seed + 20, 60, 72))
    save_checkpoint(root / 'runs' / 'wdsr', make_model('wdsr', 2))
    save_checkpoint(root / 'runs' / 'bsrn', make_model('bsrn', 2, 3))
    return root


@pytest.fixture(scope='module')
def arguments(root):
    return ['validate.py', '--restore_path=%s' % (root / 'runs' / 'bsrn'),
            '--compare=%s' % (root / 'runs' / 'wdsr'), '--sr_path=%s' % (root / 'tool'),
            '--datasets=Set5,Urban', '--data_root=%s' % (root / 'sets'), '--scales=2,3',
            '--protocol=paper,rcan-ascend', '--chip=cpu']


@pytest.fixture(scope='module')
def alone(run_script, root, arguments):
    """The process that scored all of them by itself."""
    (root / 'tool' / 'Set5' / 'x3').mkdir()
    (root / 'tool' / 'Urban' / 'x3').mkdir()
    for name in NAMES:
        save(root / 'tool' / 'Set5' / 'x3' / (name + '.png'), smooth(7, 64, 72)[:63])
        save(root / 'tool' / 'Urban' / 'x3' / (name + '.png'), smooth(8, 60, 72))
    return run_script(*arguments + ['--report_path=%s' % (root / 'alone'), '--summary'],
                      check=True)


@pytest.fixture(scope='module')
def metrics(alone, root):
    return read(root / 'alone')


def read(folder):
    return json.loads((folder / 'metrics.json').read_text())


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items() if key != 'seconds'}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def test_it_says_what_it_took(alone, root):
    lines = alone.stdout.splitlines()
    sets = root / 'sets'
    for line in (
            'Set5 x2: 3 images, HR {0}/Set5/HR, LR {0}/Set5/LR/x2',
            'Set5 x3: 3 images, HR {0}/Set5/HR, LR made by bicubic',
            'Urban x3: 3 images, HR {0}/Urban/image_SRF_3, LR made by bicubic'):
        assert line.format(sets) in lines


def test_every_method_is_scored_at_its_scales(metrics):
    runs = {run['name']: [(result['dataset'], result['scale']) for result in run['results']]
            for run in metrics['runs']}
    x2, x3 = [('Set5', 2), ('Urban', 2)], [('Set5', 3), ('Urban', 3)]
    everywhere = [x2[0], x3[0], x2[1], x3[1]]
    assert runs == {'runs/bsrn': everywhere, 'runs/wdsr': x2, 'tool': everywhere}
    assert metrics['results'] == metrics['runs'][0]['results']
    assert (metrics['model'], metrics['protocol']['name']) == ('bsrn', 'paper')
    assert list(metrics['protocols']) == ['paper', 'rcan-ascend']


def test_pictures_of_a_tool_that_is_bicubic_score_as_bicubic(metrics):
    result = metrics['runs'][2]['results'][0]
    for key in MEASURES:
        assert result[key] == result['bicubic'][key]
    assert 'published' not in result
    assert result['bicubic']['published']['psnr'] == 33.66


def test_methods_are_compared_with_the_first(metrics):
    compared = [(entry['name'], entry['dataset'], entry['scale'], entry['measure'])
                for entry in metrics['comparisons']]
    assert ('runs/wdsr', 'Urban', 2, 'ssim') in compared
    assert ('runs/wdsr', 'Urban', 3, 'ssim') not in compared
    assert ('tool', 'Set5', 3, 'psnr') in compared
    assert {entry['against'] for entry in metrics['comparisons']} == {'runs/bsrn'}


def test_the_table_of_the_paper(alone, metrics):
    table = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in alone.stdout.splitlines() if line.startswith('| ')]
    assert table[0] == ['set', 'x', 'method', 'PSNR / SSIM', 'published', 'bicubic', 'published']
    rows = [(result['dataset'], result['scale'], run['name'], result)
            for run in metrics['runs'] for result in run['results']]
    assert len(table) == 1 + len(rows)
    for dataset, scale, name, result in rows:
        row, = [row for row in table if row[:3] == [dataset, str(scale), name]]
        assert row[3] == '%.2f / %.4f' % (result['psnr'], result['ssim'])
        assert row[5] == '%.2f / %.4f' % (result['bicubic']['psnr'], result['bicubic']['ssim'])
        assert row[6] == ({2: '33.66 / 0.9299', 3: '30.39 / 0.8682'}[scale]
                          if dataset == 'Set5' else '')


def test_the_csv_has_all_methods_and_protocols(metrics, root):
    with open(str(root / 'alone' / 'metrics.csv'), newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 * (len(NAMES) + 1)
    image = metrics['runs'][1]['results'][1]['images'][2]
    row, = [row for row in rows if (row['method'], row['dataset'], row['name']) == (
        'runs/wdsr', 'Urban', 'head')]
    assert float(row['psnr']) == image['psnr']
    assert float(row['rcan-ascend psnr']) == image['protocols']['rcan-ascend']['psnr']
    assert float(row['bicubic_ms_ssim']) == image['bicubic']['ms_ssim']


def test_the_summary_of_each_network(alone, metrics):
    summary = {(entry['name'], entry['scale']): entry for entry in metrics['summary']}
    assert sorted(summary) == [('runs/bsrn', 2), ('runs/bsrn', 3), ('runs/wdsr', 2)]
    entry = summary['runs/wdsr', 2]
    # By hand: 3 -> 5, two blocks of 5 -> 30 -> 4 -> 5, 5 -> 12 by 3x3 and 3 -> 12 by 5x5.
    kernels = 27 * 5 + 2 * (5 * 30 + 30 * 4 + 9 * 4 * 5) + 9 * 5 * 12 + 25 * 3 * 12
    biases = 5 + 2 * (30 + 4 + 5) + 12 + 12
    assert entry['parameters'] == kernels + biases
    assert entry['multiply_adds'] == kernels * 640 * 360
    assert entry['receptive_radius'] == 4
    assert entry['seconds_per_megapixel'] > 0
    assert re.search(r'(?m)^runs/wdsr x2: [\d,]+ parameters, 0\.\d G multiply-adds for 1280x720, '
                     r'sees 4 pixels far, \S+ s per megapixel$', alone.stdout)


def test_the_self_ensemble_is_scored(run_script, root, tmp_path):
    run, images = root / 'runs' / 'wdsr', root / 'sets' / 'Set5'
    run_script('validate.py', '--restore_path=%s' % run, '--self_ensemble', '--datasets=Set5',
               '--data_root=%s' % (root / 'sets'), '--report_path=%s' % tmp_path, '--chip=cpu',
               check=True)
    scored = {image['name']: image['psnr'] for image in read(tmp_path)['results'][0]['images']}
    assert set(scored) == set(NAMES)
    with sr_tf.load(run, chip='cpu', self_ensemble=True) as ensemble, \
            sr_tf.load(run, chip='cpu') as plain:
        for name, psnr in scored.items():
            lr, hr = (read_rgb(str(images / kind / (name + '.png'))) for kind in ('LR/x2', 'HR'))
            assert psnr == pytest.approx(sr_tf.score(ensemble(lr), hr, 2)[0], abs=1e-4)
            assert abs(psnr - sr_tf.score(plain(lr), hr, 2)[0]) > 0.01


def test_two_processes_give_the_same_digits(run_script, root, arguments, metrics):
    result = run_script(*['launch.py', '--num_devices=2', '--'] + arguments + [
        '--report_path=%s' % (root / 'two'), '--save_path=%s' % (root / 'pictures')], check=True)
    assert 'summary' not in read(root / 'two')
    expected = without_times({key: value for key, value in metrics.items() if key != 'summary'})
    assert without_times(read(root / 'two')) == expected
    assert 'report: ' in result.stdout and not re.search(r'(?m)^\[1\]', result.stdout)
    saved = {str(path.relative_to(str(root / 'pictures')))
             for path in (root / 'pictures').rglob('*.png')}
    assert 'runs/bsrn/Urban/ensemble/x3/head.png' in saved
    assert 'runs/wdsr/Set5/x2/bird.png' in saved
    assert len(saved) == 10 * len(NAMES)
    page = (root / 'two' / 'report.html').read_text(encoding='utf-8')
    assert page.count('<article ') == 4 * len(NAMES)


class TestFlags:
    @pytest.fixture(autouse=True)
    def defined(self):
        before = set(flags.FLAGS)
        definitions.define_scoring()
        yield
        for name in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, name)
        flags.FLAGS.unparse_flags()

    def parse(self, *words):
        flags.FLAGS(['validate.py'] + list(words))

    @pytest.mark.parametrize('words, expected', [
        ([], {'tile': 'auto', 'self_ensemble': False, 'engine': None}),
        (['--tile=64', '--self_ensemble', '--engine=onnxruntime'],
         {'tile': 64, 'self_ensemble': True, 'engine': 'onnxruntime'})])
    def test_networks_are_loaded_as_they_say(self, monkeypatch, words, expected):
        monkeypatch.setattr(validate, 'load', lambda *_, **keywords: keywords)
        self.parse(*words)
        assert validate.loaded('run', 'chip') == [
            dict(expected, hyper_parameters=definitions.given_hyper_parameters)]

    def test_all_protocols(self):
        self.parse('--protocol=all')
        assert definitions.scoring((2,), MEASURES).protocols == tuple(PROTOCOLS)

    def test_an_unknown_protocol(self):
        self.parse('--protocol=paper,psnr')
        with pytest.raises(UsageError, match='--protocol=psnr: there are paper, rgb'):
            definitions.scoring((2,), MEASURES)

    def test_sets_without_their_folder(self):
        self.parse('--datasets=Set5')
        with pytest.raises(UsageError, match='--data_root is missing'):
            definitions.test_sets((2,))

    def test_sets_and_a_folder(self):
        self.parse('--datasets=Set5', '--data_root=sets', '--data_truth_path=HR')
        with pytest.raises(UsageError, match='--datasets: .* leave out --data_truth_path'):
            definitions.test_sets((2,))

    def test_a_set_that_is_not_there(self, root):
        self.parse('--datasets=Set6', '--data_root=%s' % (root / 'sets'))
        chosen, = definitions.test_sets((2,))
        with pytest.raises(UserError, match='Set6: no such test set; .* holds Set5, Urban$'):
            chosen.loader.pairs()

    def test_given_files_alone(self, root):
        self.parse('--datasets=Set5', '--data_root=%s' % (root / 'sets'), '--degradation=unknown')
        chosen, = definitions.test_sets((2,))
        assert chosen.loader.lr_kind == 'unknown' and chosen.name == 'Set5'


def test_a_file_name_that_is_no_text_is_in_the_table_all_the_same(tmp_path):
    scores = {'psnr': 30.0, 'ssim': 0.9, 'ms_ssim': 0.99}
    image = dict(scores, name=os.fsdecode(b'a\xff'), bicubic=scores, seconds=1.0, megapixels=0.1)
    result = dict(image, dataset='S', scale=2, images=[image])
    write_csv(str(tmp_path / 'metrics.csv'), {'model': 'srcnn', 'results': [result]})
    assert r'a\udcff' in (tmp_path / 'metrics.csv').read_text(encoding='utf-8')


def test_places_where_nothing_can_be_written(run_script, root, tmp_path):
    (tmp_path / 'file').write_text('')
    images = root / 'sets' / 'Set5' / 'HR'
    own = ['validate.py', '--restore_path=%s' % (root / 'runs' / 'wdsr'), '--chip=cpu']
    set5 = ['--dataloader=folder_loader', '--data_truth_path=%s' % images]
    before = sorted(os.listdir(str(images)))
    for more, code, message in (
            (set5 + ['--report_path=%s' % (tmp_path / 'file')], 1, 'is a file, not a folder'),
            (set5 + ['--save_path=%s/sr' % images], 2, '/sr: lies in %s,' % images),
            (['--summary', '--report_path=x'], 2, '--report_path: --summary alone scores')):
        result = run_script(*own + more)
        assert result.returncode == code and message in result.stderr
        assert 'Traceback' not in result.stderr
        assert 'PSNR' not in result.stdout
    assert sorted(os.listdir(str(images))) == before


def test_pictures_alone_need_a_scale(root):
    with pytest.raises(UsageError, match='--scales is missing'):
        scales_of([Folder(str(root / 'tool'), 'tool')])


def test_methods_are_named_by_what_differs(tmp_path):
    assert names_of(['runs/a', 'runs/b/best', 'runs/b']) == ['a', 'b/best', 'b']
    assert names_of([str(tmp_path / 'run') + '/']) == ['run']
    assert names_of(['demo/run/best', 'wdsr']) == ['run/best', 'wdsr']
    assert names_of(['run', 'run/best']) == ['run', 'best']
    with pytest.raises(UsageError, match='runs/a/: is to be scored twice'):
        names_of(['runs/a/', 'runs/b', 'runs/a'])

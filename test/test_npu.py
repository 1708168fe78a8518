"""Training, scoring and enlarging with --chip=npu, on the emulator of the plug-in."""
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from npu_in_process import FOLDER, read_journal
from PIL import Image

from sr_tf import checkpoint
from sr_tf.chips import npu, npu_options
from sr_tf.errors import UsageError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMPILED = 'The model has been compiled on the Ascend AI processor, current graph id is: '
TINY = ('--chip=npu', '--model=bsrn', '--bsrn_conv_features=4', '--bsrn_state_features=5',
        '--bsrn_recursions=2', '--scales=2,3', '--input_patch_size=8', '--log_freq=1',
        '--dataloader=folder_loader', '--seed=5')
SCALES = (2, 3)
# Widths and heights, and to how many shapes they are padded when they are 1, 2 and 3 times smaller.
SIZES = ((60, 48), (72, 50), (97, 61), (130, 40), (128, 128), (200, 66), (90, 270), (264, 262))
PADDED_SHAPES = {1: 4, 2: 3, 3: 1}
# Setting the first values, restoring, reading the step, reading the weights and saving.
GRAPHS_BESIDE_TRAINING = 5


class OnEmulator:
    """Runs scripts as a user with the plug-in does; a new journal for each."""

    def __init__(self, folder):
        self._folder = folder
        self._runs = 0

    def __call__(self, *command, **environment):
        """(finished process, path of its journal); checks that it ends with the given code."""
        code = environment.pop('code', 0)
        self._runs += 1
        journal = self._folder / ('journal-%d' % self._runs)
        environment = dict(
            os.environ, PYTHONPATH=FOLDER, XDG_CACHE_HOME=str(self._folder),
            NPU_EMULATOR_JOURNAL=str(journal), **environment)
        result = subprocess.run(
            [sys.executable] + [str(word) for word in command], cwd=ROOT, env=environment,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert result.returncode == code, result.stdout + result.stderr
        return result, journal


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('npu')


@pytest.fixture(scope='module')
def run(root):
    return OnEmulator(root)


@pytest.fixture(scope='module')
def sizes(photos, root):
    """A folder of a photograph in many sizes."""
    folder = root / 'sizes'
    folder.mkdir()
    with Image.open(str(photos / 'astronaut.png')) as image:
        for number, size in enumerate(SIZES):
            image.resize(size, Image.BICUBIC).save(str(folder / ('%d.png' % number)))
    return folder


@pytest.fixture(scope='module')
def training(run, photos, root):
    """Four steps with the newer plug-in, verified; the second overflows."""
    return run('train.py', *TINY + (
        '--data_truth_path=%s' % photos, '--train_path=%s' % (root / 'run'), '--batch_size=2',
        '--max_steps=4', '--save_freq=1', '--validate_freq=4', '--valid_truth_path=%s' % photos,
        '--npu_verify'), NPU_EMULATOR_OVERFLOWS='2')


@pytest.fixture(scope='module')
def resumed(training, run, photos, root):
    """Two more steps, with the plug-in of 2021 and other options; the first overflows."""
    (root / 'fusion.json').write_text('{}')
    (root / 'profile').mkdir()
    return run('train.py', *TINY + (
        '--data_truth_path=%s' % photos, '--train_path=%s' % (root / 'run'), '--batch_size=2',
        '--max_steps=6', '--save_freq=1', '--npu_precision_mode=allow_fp32_to_fp16',
        '--npu_auto_tune=GA',
        '--npu_fusion_switch_file=%s' % (root / 'fusion.json'),
        '--npu_profiling=%s' % (root / 'profile'), '--npu_dump_path=%s' % root,
        '--npu_option=dump_step=0|2-3', '--npu_option=hcom_parallel=true'),
        NPU_EMULATOR_PROFILE='2021', NPU_EMULATOR_OVERFLOWS='1')


def graphs(journal, trains):
    return [graph for graph in read_journal(journal, 'graph') if graph['trains'] == trains]


def read_checkpoint(folder, step):
    prefix = str(folder / ('model.ckpt-%d' % step))
    return checkpoint.read_values(prefix, checkpoint.read_shapes(prefix))


class TestCommands:
    def test_training_uses_one_graph_for_each_scale(self, training):
        trained = graphs(training[1], trains=True)
        assert sorted(graph['batches'] for graph in trained) == [
            [[[2, 8, 8, 3], [2, 8 * scale, 8 * scale, 3], []]] for scale in SCALES]
        for graph in trained:
            assert graph['feeds'] == {'learning_rate:0': [], 'stop:0': []}
            # Of the weights that all scales share, and of the scale's own.
            assert graph['operations']['ApplyAdam'] == 2

    def test_the_loss_and_the_layers_at_the_ends_keep_their_precision(self, training):
        for graph in graphs(training[1], trains=True):
            assert 15 < graph['keeping'] < 40

    def test_there_are_few_other_graphs(self, training, resumed):
        # Validation adds setting the weights and, as all pictures are of one size, each scale.
        assert len(graphs(training[1], trains=False)) <= GRAPHS_BESIDE_TRAINING + 1 + len(SCALES)
        assert len(graphs(resumed[1], trains=False)) <= GRAPHS_BESIDE_TRAINING

    def test_the_default_options(self, training):
        for session in read_journal(training[1], 'session'):
            assert session['options'] == {
                'use_off_line': True, 'precision_mode': 'allow_mix_precision',
                'dynamic_input': True, 'dynamic_graph_execute_mode': 'lazy_recompile'}

    def test_it_says_where_it_trains_and_what_was_verified(self, training, root):
        output = training[0].stdout
        assert output.startswith('bsrn on 1 npu in mixed, 4 images, 4 steps, in ')
        assert output.splitlines()[-1] == 'done: %s' % (root / 'run' / 'model.ckpt-4')
        assert 'validation PSNR' in output
        assert training[0].stderr.count(COMPILED) == len(read_journal(training[1], 'graph'))

    @pytest.mark.parametrize('step', [2, 5])
    def test_a_step_that_saturates_changes_nothing(self, resumed, root, step):
        before, after, later = (read_checkpoint(root / 'run', number)
                                for number in (step - 1, step, step + 1))
        assert after.pop('loss_scale') == before.pop('loss_scale') / 2 == later['loss_scale']
        for values in (before, after):
            assert values.pop('global_step') > 0
            values.pop('good_steps')
        assert all(np.array_equal(after[name], before[name]) for name in before)
        assert any(not np.array_equal(later[name], after[name]) for name in after)

    def test_training_continues(self, resumed, root):
        lines = (root / 'run' / 'train.log').read_text().splitlines()
        steps = [line.split()[1] for line in lines if ' loss ' in line]
        assert steps == ['1/4', '2/4', '3/4', '4/4', '5/6', '6/6']
        assert len(graphs(resumed[1], trains=True)) <= len(SCALES)

    def test_flags_become_options(self, resumed, root):
        session, = read_journal(resumed[1], 'session')
        options = session['options']
        profile = json.loads(options.pop('profiling_options'))
        assert profile['output'] == str(root / 'profile')
        assert profile['task_trace'] == profile['training_trace'] == 'on'
        assert options == {
            'use_off_line': True, 'precision_mode': 'allow_fp32_to_fp16', 'dynamic_input': True,
            'dynamic_graph_execute_mode': 'lazy_recompile', 'auto_tune_mode': 'GA',
            'fusion_switch_file': str(root / 'fusion.json'), 'profiling_mode': True,
            'enable_dump': True, 'dump_path': str(root), 'dump_step': '0|2-3',
            'hcom_parallel': True}

    def test_pictures_of_many_sizes_share_few_graphs_and_score_the_same(
            self, resumed, run, sizes, root):
        results = {}
        for chip in ('npu', 'cpu'):
            result, journal = run(
                'validate.py', '--restore_path=%s' % (root / 'run'), '--chip=%s' % chip,
                '--intermediate', '--dataloader=folder_loader', '--data_truth_path=%s' % sizes,
                '--report_path=%s' % (root / chip), '--distributed=none',
                # Of a job whose other processes have ended.
                RANK_SIZE='8', RANK_ID='3', RANK_TABLE_FILE='/no/such')
            assert COMPILED not in result.stderr
            results[chip] = json.loads((root / chip / 'metrics.json').read_text())['results']
            if chip == 'npu':
                compiled = graphs(journal, trains=False)
        # The picture and the recursions by themselves at each scale, and setting the weights.
        assert len(compiled) == 2 * (PADDED_SHAPES[2] + PADDED_SHAPES[3]) + 1
        for ours, theirs in zip(results['npu'], results['cpu']):
            assert len(ours['images']) == len(theirs['images']) == len(SIZES)
            for image, expected in zip(ours['images'], theirs['images']):
                for key in ('psnr', 'ssim'):
                    assert abs(image[key] - expected[key]) < 1e-4

    def test_enlarging_and_a_verification_that_fails(self, resumed, run, sizes, root):
        result, journal = run(
            'predict.py', '--restore_path=%s' % (root / 'run'), '--input_path=%s' % sizes,
            '--output_path=%s' % (root / 'enlarged'), '--scale=3', '--chip=npu', '--npu_verify',
            NPU_EMULATOR_PROFILE='2021', RANK_TABLE_FILE='/no/such', code=1)
        assert len(graphs(journal, trains=False)) == PADDED_SHAPES[1] + 1
        for number, (width, height) in enumerate(SIZES):
            with Image.open(str(root / 'enlarged' / ('%d.png' % number))) as image:
                assert image.size == (3 * width, 3 * height)
        assert result.stderr.splitlines()[-1].startswith(
            'predict.py: error: --npu_verify: the plug-in never said "The model has been ')

    def test_without_the_plugin_one_line_says_so(self, run_script, photos, root):
        result = run_script('train.py', *TINY + ('--data_truth_path=%s' % photos,
                                                 '--train_path=%s' % (root / 'none')))
        assert result.returncode == 1
        assert re.match(r'train.py: error: --chip=npu: npu_(bridge|device) cannot be imported .*'
                        r'install the TFPlugin and source set_env.sh\n$', result.stderr)
        assert not (root / 'none').exists()

    @pytest.mark.parametrize('chip, flags, line', [
        ('npu', ['--npu_precision_mode=fp17'], '--npu_precision_mode=fp17: must be one of '),
        ('cpu', ['--npu_option=hcom_parallel=true'],
         'the --npu_... flags are for --chip=npu; this is cpu'),
    ])
    def test_wrong_options_are_refused_before_anything_is_done(self, run, root, chip, flags, line):
        result, journal = run(
            '-X', 'importtime', 'train.py', '--model=bsrn', '--train_path=%s' % (root / 'none'),
            '--chip=%s' % chip, *flags, code=2)
        *imports, last = result.stderr.splitlines()
        assert last.startswith('train.py: error: ' + line)
        assert all(shown.startswith('import time:') for shown in imports)
        assert 'tensorflow' not in {shown.split('|')[-1].strip() for shown in imports}
        assert not journal.exists()
        assert not (root / 'none').exists()


class TestVerification:
    def run(self, *lines):
        return subprocess.run(
            [sys.executable, '-c', '\n'.join((
                'import os, sys', 'from sr_tf.chips.npu_verify import Verification',
                'verification = Verification()') + lines)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @pytest.mark.parametrize('descriptor', [1, 2])
    def test_the_line_is_found_and_passed_on(self, descriptor):
        result = self.run('print("before", flush=True)',
                          'os.write(%d, b"I: %s7\\n")' % (descriptor, COMPILED),
                          'verification.finish()', 'print("after")')
        assert result.returncode == 0, result.stderr
        shown = {1: result.stdout, 2: result.stderr}[descriptor]
        assert 'I: %s7\n' % COMPILED in shown
        assert result.stdout.startswith('before\n')
        assert result.stdout.endswith('after\n')

    def test_the_last_words_before_an_abort_are_not_lost(self):
        result = self.run('os.write(2, b"F: no such option\\n")', 'os.abort()')
        assert (result.returncode, result.stderr) == (-signal.SIGABRT, 'F: no such option\n')


class TestTwoRanks:
    FLAGS = TINY + ('--max_steps=5', '--accumulate_steps=2', '--ema_decay=0.9', '--clip_norm=1')

    @pytest.fixture(scope='class')
    def runs(self, run, photos, root):
        """The journal of two ranks, and the folders of their run and of one process'.

        In the second step a micro-batch overflows: in rank 1 alone.
        """
        flags = self.FLAGS + ('--data_truth_path=%s' % photos,)
        result, journal = run(
            'launch.py', '--device_ips=192.168.100.101,192.168.101.101', '--device_ids=6,4', '--',
            'train.py', *flags + ('--train_path=%s' % (root / 'two'), '--batch_size=2',
                                  '--distributed=hccl', '--validate_freq=5',
                                  '--valid_truth_path=%s' % photos),
            NPU_EMULATOR_OVERFLOWS='3@1', ASCEND_DEVICE_ID='0')
        run('train.py', *flags + ('--train_path=%s' % (root / 'one'), '--batch_size=4'),
            NPU_EMULATOR_OVERFLOWS='3')
        assert '[0] bsrn on 2 npu in mixed' in result.stdout
        return journal, root / 'two', root / 'one'

    def test_they_equal_one_process_with_the_doubled_batch(self, runs):
        ours, theirs = (read_checkpoint(folder, 5) for folder in runs[1:])
        assert set(ours) == set(theirs)
        assert ours['loss_scale'] == theirs['loss_scale'] == 2.0 ** 14
        for name in filter(checkpoint.is_weight, theirs):
            assert np.abs(ours[name] - theirs[name]).max() <= 1e-5 * np.abs(theirs[name]).max()

    def test_they_make_the_same_calls(self, runs):
        journals = ['%s.%d' % (runs[0], rank) for rank in (0, 1)]
        first, second = (read_journal(journal, 'hccl') for journal in journals)
        assert first == second
        # The broadcast, five steps, and the score; micro-batches before the last talk to nobody.
        assert len(first) == 7
        assert first[0]['calls'][0].startswith('HcomBroadcast')
        for journal in journals:
            compiled = graphs(journal, trains=True)
            assert len(compiled) == 2 * len(SCALES)  # that accumulate, and that apply
        # HCCL's graphs have the same numbers everywhere, for all have compiled as many before.
        ours, theirs = (read_journal(journal, 'graph') for journal in journals)
        assert ours == theirs


class TestOtherModels:
    """All of them in one process, each trained, continued, scored and asked to enlarge."""

    PARAMETERS = {
        'rcan': ('--rcan_num_features=4', '--rcan_num_rg=1', '--rcan_num_rcab=1',
                 '--rcan_reduction=2'),
        'rdn': ('--rdn_num_features=4', '--rdn_growth_rate=4', '--rdn_num_blocks=2',
                '--rdn_num_layers=2'),
        'srcnn': (),
        'wdsr': ('--wdsr_num_features=4', '--wdsr_num_blocks=1', '--wdsr_weight_norm'),
    }

    @pytest.fixture(scope='class')
    def journal(self, run, photos, root):
        words = []
        for name, parameters in self.PARAMETERS.items():
            folder = str(root / name)
            images = ('--dataloader=folder_loader', '--data_truth_path=%s' % photos)
            training = ('train.py', '--chip=npu', '--model=%s' % name, '--train_path=%s' % folder,
                        '--batch_size=2', '--input_patch_size=8', '--log_freq=1') + parameters
            scoring = '--chip=npu', '--restore_path=%s' % folder
            for command in (
                    training + images + ('--max_steps=2',),
                    training + images + ('--max_steps=3',),
                    ('validate.py',) + scoring + images + ('--report_path=%s/report' % folder,),
                    ('predict.py', '--input_path=%s' % photos, '--output_path=%s/big' % folder)
                    + scoring):
                words += command + ('+',)
        return run('test/several_commands.py', *words)[1]

    @pytest.mark.parametrize('name', sorted(PARAMETERS))
    def test_what_it_leaves(self, journal, root, name):
        log = (root / name / 'train.log').read_text().splitlines()
        assert [line.split()[1] for line in log] == ['1/2', '2/2', '3/3']
        metrics = json.loads((root / name / 'report' / 'metrics.json').read_text())
        assert metrics['checkpoint'] == str(root / name / 'model.ckpt-3')
        assert np.isfinite(metrics['results'][0]['psnr'])
        with Image.open(str(root / name / 'big' / 'rocket.png')) as image:
            assert image.size == (192, 192)

    def test_each_training_compiles_one_graph(self, journal):
        assert len(graphs(journal, trains=True)) == 2 * len(self.PARAMETERS)


class TestOptions:
    """What the plug-in would ignore, or end the process on, is a line that names the flag."""

    @pytest.mark.parametrize('assignments, line', [
        (['precision_mod=x'], '--npu_option=precision_mod: the plug-in has no such option; did '
                              'you mean precision_mode?'),
        (['xyzzy=1'], '--npu_option=xyzzy: the plug-in has no such option'),
        (['min_group_size=1'], '--npu_option=min_group_size: no plug-in reads it'),
        (['hcom_parallel'], '--npu_option=hcom_parallel: is written key=value'),
        (['debug_dir=a', 'debug_dir=b'], '--npu_option=debug_dir=b: debug_dir is given twice'),
        (['precision_mode=fp17'], '--npu_precision_mode=fp17: must be one of force_fp32, '),
        (['hcom_parallel=maybe'], '--npu_option=hcom_parallel=maybe: must be true or false'),
        (['op_debug_level=high'], '--npu_option=op_debug_level=high: must be a whole number '),
        (['graph_run_mode=2'], '--npu_option=graph_run_mode=2: must be a whole number from 0 to '),
        (['local_rank_id=8'], '--npu_option=local_rank_id=8: must be a whole number from 0 to 7'),
        (['session_device_id=-1'], '--npu_option=session_device_id=-1: must be a whole number '),
        (['graph_memory_max_size=16G'], '--npu_option=graph_memory_max_size=16G: must be a '),
        (['dump_step=1,2'], '--npu_option=dump_step=1,2: must be steps such as 0|5|10-20'),
        (['iterations_per_loop=0'], '--npu_option=iterations_per_loop=0: must be a whole number '),
        (['iterations_per_loop=10'], '--npu_option=iterations_per_loop=10: must be 1: the plug-in '
                                     'ends the process on more with dynamic_input'),
        (['iterations_per_loop=10', 'dynamic_input=false', 'mix_compile_mode=true'],
         '--npu_option=iterations_per_loop=10: must be 1: the plug-in ends the process on more '
         'with mix_compile_mode'),
        (['iterations_per_loop=10', 'dynamic_input=false'],
         '--npu_option=iterations_per_loop=10: must be 1: each step is fed its learning rate'),
        (['use_off_line=false'], '--npu_option=use_off_line=false: would compute on the CPU'),
        (['job=default'], '--npu_option=job=default: would compute on the CPU'),
        (['profiling_mode=true'], '--npu_option=profiling_mode=true: needs --npu_profiling'),
        (['profiling_mode=true', 'profiling_options=all'],
         '--npu_option=profiling_options=all: must be JSON'),
        (['enable_dump=true'], '--npu_option=enable_dump=true: needs --npu_dump_path'),
        (['enable_dump=true', 'dump_path=/no/such'], '--npu_dump_path=/no/such: is not a folder'),
        (['dump_mode=all'], '--npu_option=dump_mode=all: needs --npu_option=enable_dump'),
        (['dynamic_node_type=0'], '--npu_option=dynamic_node_type=0: needs '),
        (['dynamic_input=false', 'dynamic_graph_execute_mode=lazy_recompile'],
         '--npu_option=dynamic_graph_execute_mode=lazy_recompile: needs '),
        (['dynamic_inputs_shape_range=data:[3~5]'],
         '--npu_option=dynamic_inputs_shape_range: needs '),
        (['enable_dump=true', 'enable_dump_debug=true', 'dump_path=.'],
         '--npu_option=enable_dump=true: excludes --npu_option=enable_dump_debug'),
        (['enable_compress_weight=true', 'compress_weight_conf=a'],
         '--npu_option=enable_compress_weight=true: excludes '),
        (['mstune_mode=1'], '--npu_option=mstune_mode=1: needs --npu_option=work_path'),
        (['modify_mixlist=/no/such', 'precision_mode=force_fp16'],
         '--npu_option=modify_mixlist: needs --npu_precision_mode=allow_mix_precision, not '),
        (['fusion_switch_file=/no/such'], '--npu_fusion_switch_file=/no/such: cannot be read as '),
    ])
    def test_is_refused(self, assignments, line):
        with pytest.raises(UsageError) as refusal:
            npu_options.complete(npu_options.parse(assignments), 'allow_mix_precision')
        assert str(refusal.value).startswith(line)
        assert '\n' not in str(refusal.value)

    def test_values_of_the_wrong_type_are_refused(self):
        for key, value in (('hcom_parallel', 1), ('op_debug_level', True), ('debug_dir', 3)):
            with pytest.raises(UsageError):
                npu_options.complete({key: value}, 'force_fp32')

    def test_without_dynamic_input_its_mode_is_left_out(self):
        options = npu_options.complete({'dynamic_input': False}, 'force_fp32')
        assert 'dynamic_graph_execute_mode' not in options

    @pytest.mark.parametrize('precision, mode, settled', [
        ('auto', None, ('mixed', 'allow_mix_precision')),
        ('mixed', None, ('mixed', 'allow_mix_precision')),
        ('fp32', None, ('fp32', 'force_fp32')),
        ('auto', 'force_fp16', ('mixed', 'force_fp16')),
        ('auto', 'must_keep_origin_dtype', ('fp32', 'must_keep_origin_dtype')),
    ])
    def test_precision(self, precision, mode, settled):
        precision, options = npu.settle(precision, {'precision_mode': mode} if mode else {})
        assert (precision, options['precision_mode']) == settled

    def test_contradicting_precisions_are_refused(self):
        for precision, mode in (('fp32', 'force_fp16'), ('mixed', 'force_fp32')):
            with pytest.raises(UsageError, match='contradicts --precision=' + precision):
                npu.settle(precision, {'precision_mode': mode})

    def test_only_float16_needs_loss_scaling(self):
        # The plug-in's own force_fp32 gives convolutions inputs of float16.
        for precision in ('mixed', 'fp32'):
            assert npu.computes_in_float16(npu.settle(precision, {})[1])
        for mode in ('must_keep_origin_dtype', 'allow_mix_precision_bf16'):
            assert not npu.computes_in_float16(npu.settle('auto', {'precision_mode': mode})[1])

    def test_every_option_of_the_guide_is_known(self):
        with open(os.path.join(ROOT, 'docs', 'npu.md'), encoding='utf-8') as file:
            keys = re.findall(r'--npu_option=([a-z]\w*)=', file.read())
        assert keys
        assert set(keys) <= set(npu_options.OPTIONS)

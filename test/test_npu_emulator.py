"""The emulator of the NPU's plug-in objects to all that the plug-in would not take."""
import importlib
import json
import threading

import numpy as np
import pytest
from npu_in_process import as_new, emulated, part, plugin_on_path, read_journal
from random_networks import make_model

from models import layers
from sr_tf.chips import npu
from sr_tf.compat import is_tensorflow_1, tf

ON = 1  # RewriterConfig.ON


@pytest.fixture(scope='module', autouse=True)
def plugin():
    with plugin_on_path():
        yield


@pytest.fixture(autouse=True)
def journal(monkeypatch, tmp_path):
    as_new(monkeypatch)
    monkeypatch.setenv('NPU_EMULATOR_JOURNAL', str(tmp_path / 'journal'))
    monkeypatch.setenv('NPU_EMULATOR_TIMEOUT', '20')
    return tmp_path / 'journal'


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def refusal(match):
    return pytest.raises(emulated('errors').EmulatorError, match=match)


def configuration(**options):
    """What the project configures, with these options changed; None removes one."""
    changed = dict(npu.settle('auto', {})[1], **options)
    return npu.config({key: value for key, value in changed.items() if value is not None})


def run(fetches, feeds=None, **options):
    with tf.Session(config=configuration(**options)) as session:
        return session.run(fetches, feeds)


def train_step(loss):
    weight = tf.get_variable('weight', [], tf.float32, tf.zeros_initializer())
    return tf.train.GradientDescentOptimizer(1.0).minimize(tf.square(weight - loss)), weight


class TestConfiguration:
    @pytest.mark.parametrize('options, fault', [
        ({'no_such_option': True}, 'knows no such key'),
        ({'precision_mode': True}, r'written to \.b and read from \.s'),
        ({'use_off_line': 'True'}, r'written to \.s and read from \.b'),
        ({'iterations_per_loop': '1'}, r'written to \.s and read from \.i'),
        ({'precision_mode': 'fp16'}, 'aborts on'),
        ({'graph_run_mode': 2}, 'aborts on'),
        ({'iterations_per_loop': 0}, 'aborts on'),
        ({'session_device_id': -1}, 'aborts on'),
        ({'graph_memory_max_size': '1GB'}, 'aborts on'),
        ({'use_off_line': False}, 'leaves everything on the CPU'),
        ({'job': 'ps'}, 'leaves everything on the CPU'),
        ({'iterations_per_loop': 2}, 'iterations_per_loop above 1 with dynamic_input'),
        ({'iterations_per_loop': 2, 'mix_compile_mode': True, 'dynamic_input': False,
          'dynamic_graph_execute_mode': None}, 'iterations_per_loop above 1 with mix_compile'),
        ({'mix_compile_mode': True, 'dynamic_dims': '1', 'input_shape': 'x:1',
          'dynamic_node_type': 1}, 'mix_compile_mode with dynamic_dims'),
        ({'dynamic_dims': '1'}, 'only some of'),
        ({'dynamic_input': False}, 'dynamic_graph_execute_mode without dynamic_input'),
        ({'dynamic_inputs_shape_range': 'data:[3~5]'}, 'without dynamic_execute'),
        ({'profiling_mode': True}, 'without JSON in profiling_options'),
        ({'enable_dump': True}, 'without an existing dump_path'),
        ({'enable_dump_debug': True, 'dump_path': '/no/such'}, 'without an existing dump_path'),
        ({'enable_dump': True, 'enable_dump_debug': True, 'dump_path': '.'}, 'with enable_dump_d'),
        ({'optypelist_for_implmode': 'Add'}, 'without op_select_implmode'),
        ({'enable_compress_weight': True, 'compress_weight_conf': 'a'}, 'compress_weight_conf'),
        ({'modify_mixlist': '{}', 'precision_mode': 'force_fp16'}, 'modify_mixlist without'),
    ])
    def test_options(self, options, fault):
        with refusal(fault):
            tf.Session(config=configuration(**options))

    def test_each_plugin_has_options_of_its_own(self, monkeypatch):
        monkeypatch.setenv('NPU_EMULATOR_PROFILE', '2021')
        tf.Session(config=configuration(mstune_mode='1', work_path='.')).close()
        with refusal('mstune_mode without work_path'):
            tf.Session(config=configuration(mstune_mode='1'))
        with refusal('aoe_mode: the plug-in knows no such key'):
            tf.Session(config=configuration(aoe_mode='2'))
        with refusal('op_select_implmode: the plug-in aborts'):
            tf.Session(config=configuration(op_select_implmode='high_precision_for_all'))
        monkeypatch.setenv('NPU_EMULATOR_PROFILE', 'newer')
        tf.Session(config=configuration(aoe_mode='2')).close()
        with refusal('mstune_mode: the plug-in knows no such key'):
            tf.Session(config=configuration(mstune_mode='1'))
        monkeypatch.setenv('NPU_EMULATOR_PROFILE', '2020')
        with refusal('NPU_EMULATOR_PROFILE=2020: is 2021 or newer'):
            tf.Session(config=configuration())

    @pytest.mark.parametrize('name', ['remapping', 'memory_optimization'])
    @pytest.mark.parametrize('value', [0, ON])
    def test_rewrites_that_have_to_be_off(self, name, value):
        config = configuration()
        setattr(config.graph_options.rewrite_options, name, value)
        with refusal('%s is not OFF' % name):
            tf.Session(config=config)

    def test_soft_placement(self):
        config = configuration()
        config.allow_soft_placement = False
        with refusal('allow_soft_placement is off'):
            tf.Session(config=config)

    def test_a_mistyped_name_would_be_the_cpu(self):
        config = configuration()
        config.graph_options.rewrite_options.custom_optimizers[0].name = 'NPUOptimizer'
        with refusal('TensorFlow ignores all but one NpuOptimizer'):
            tf.InteractiveSession(config=config)

    def test_other_sessions_are_left_alone(self, journal):
        with tf.Session() as session:
            assert session.run(tf.constant(1.0, tf.float64)) == 1
        assert not journal.exists()


class TestGraphs:
    def sizes_of(self, journal):
        return [list(entry['feeds'].values())[0] for entry in read_journal(journal, 'graph')]

    def test_a_graph_for_each_shape_and_set_of_fetches(self, journal):
        x = tf.placeholder(tf.float32, [None], 'x')
        double, triple = 2 * x, 3 * x
        with tf.Session(config=configuration()) as session:
            for size in (1, 2, 1, 2):
                assert session.run(double, {x: np.ones(size)}).tolist() == [2] * size
            session.run({'both': [double, triple]}, {x: [1]})
            session.run((triple, double), {'x:0': [1]})
            session.run([], {})
        assert self.sizes_of(journal) == [[1], [2], [1]]

    def test_batches_of_several_shapes_are_several_graphs(self, journal):
        batches = tf.data.Dataset.range(3).batch(2)
        iterator = tf.data.make_initializable_iterator(batches)
        total = tf.reduce_sum(iterator.get_next())
        with tf.Session(config=configuration()) as session:
            session.run(iterator.initializer)
            assert [session.run(total) for _ in range(2)] == [1, 2]
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(total)
        assert [entry['batches'] for entry in read_journal(journal, 'graph')] == [[[[2]]], [[[1]]]]

    def test_shapes_may_change_only_with_dynamic_input(self):
        x = tf.placeholder(tf.float32, [None], 'x')
        config = configuration(dynamic_input=False, dynamic_graph_execute_mode=None)
        with tf.Session(config=config) as session:
            session.run(x + 1, {x: [1]})
            y = x * 2
            session.run(y, {x: [1]})
            with refusal('shapes changed without dynamic_input'):
                session.run(y, {x: [1, 2]})

    def test_ten_shapes_are_kept_and_the_least_used_goes_first(self, journal):
        x = tf.placeholder(tf.float32, [None], 'x')
        y = x + 1
        with tf.Session(config=configuration()) as session:
            for size in [1, 1, 2] + list(range(3, 12)) + [1, 2]:
                session.run(y, {x: np.ones(size)})
        assert self.sizes_of(journal) == [[size] for size in range(1, 12)] + [[2]]

    def test_dynamic_execute_compiles_once(self, journal):
        x = tf.placeholder(tf.float32, [None], 'x')
        y = x + 1
        config = configuration(dynamic_graph_execute_mode='dynamic_execute')
        with tf.Session(config=config) as session:
            for size in (1, 2, 3):
                session.run(y, {x: np.ones(size)})
        assert self.sizes_of(journal) == [[1]]

    def test_too_many_graphs(self, journal, monkeypatch):
        x = tf.placeholder(tf.float32, [None], 'x')
        y = x + 1
        with tf.Session(config=configuration()) as session:
            session.run(y, {x: [1]})
            number = read_journal(journal, 'graph')[0]['id']
            monkeypatch.setenv('NPU_EMULATOR_MAX_GRAPHS', str(number + 1))
            session.run(y, {x: [1, 2]})
            with refusal('one more than NPU_EMULATOR_MAX_GRAPHS: fetches '):
                session.run(y, {x: [1, 2, 3]})


class TestTrainSteps:
    def refused(self, loss, match):
        step, weight = train_step(loss)
        with tf.Session(config=configuration()) as session:
            session.run(weight.initializer)
            with refusal(match):
                session.run(step)

    def test_a_good_one_runs_and_is_told_apart(self, journal):
        step, weight = train_step(tf.constant(2.0))
        with tf.Session(config=configuration()) as session:
            session.run(weight.initializer)
            session.run(step)
            assert session.run(weight) == 4
        assert [entry['trains'] for entry in read_journal(journal, 'graph')] == [
            False, True, False]

    def test_python(self):
        value = tf.py_func(lambda: np.float32(1), [], tf.float32)
        value.set_shape([])
        self.refused(value, r'\(PyFunc\) in a train step')

    def test_strings(self):
        self.refused(tf.strings.to_number(tf.constant('1')), r'\(StringToNumber\) in a train step')

    def test_what_is_fed_is_not_computed(self):
        value = tf.strings.to_number(tf.constant('1'))
        step, weight = train_step(value)
        with tf.Session(config=configuration()) as session:
            session.run(weight.initializer)
            session.run(step, {value: 2.0})
            assert session.run(weight) == 4

    def test_doubles(self):
        value = tf.cast(tf.exp(tf.zeros([], tf.float64)), tf.float32)
        self.refused(value, r'\(Exp\) is float64')

    def test_the_bodies_of_functions(self):
        def through_double(value):
            return tf.cast(tf.exp(tf.cast(value, tf.float64)), tf.float32)

        value = importlib.import_module('tensorflow').function(through_double)(tf.constant(1.0))
        value.set_shape([])
        step = tf.assign_add(tf.get_variable('total', []), value)
        with refusal(r'\(Exp\) in the function \w*through_double'):
            run(step)

    @pytest.mark.parametrize('name', ['IterationOp', 'var_in_host', 'NpuCompile'])
    def test_names_that_mean_something(self, name):
        self.refused(tf.identity(tf.constant(1.0), 'my_' + name), 'means something to the plug-in')

    def test_doubles_are_refused_elsewhere_too_and_strings_are_not(self):
        with refusal('is float64'):
            run(tf.exp(tf.zeros([], tf.float64)))
        assert run(tf.strings.to_number(tf.constant('1')) + 1) == 2

    def test_what_comes_from_a_data_set_may_be_anything_before_it(self):
        def number(text):
            one = tf.py_func(lambda: np.float32(1), [], tf.float32)
            return one + tf.strings.to_number(text)

        numbers = tf.data.Dataset.from_tensors('2').map(number)
        iterator = tf.data.make_initializable_iterator(numbers)
        value = iterator.get_next()
        value.set_shape([])
        step, weight = train_step(value)
        with tf.Session(config=configuration()) as session:
            session.run([weight.initializer, iterator.initializer])
            session.run(step)
            assert session.run(weight) == 6


def rank_table(devices, **changes):
    device = [{'device_id': str(number), 'device_ip': '192.168.%d.2' % number, 'rank_id': str(rank)}
              for rank, number in enumerate(devices)]
    return dict({'version': '1.0', 'status': 'completed', 'server_count': '1',
                 'server_list': [{'server_id': '10.0.0.10', 'device': device}]}, **changes)


def without_unique_addresses():
    table = rank_table((0, 1))
    table['server_list'][0]['device'][1]['device_ip'] = '192.168.0.2'
    return table


def with_numbers():
    table = rank_table((0, 1))
    table['server_list'][0]['device'][1]['device_ip'] = 2
    return table


def with_a_gap():
    table = rank_table((0, 1))
    table['server_list'][0]['device'][1]['rank_id'] = '2'
    return table


class TestSystem:
    @pytest.fixture
    def two_ranks(self, monkeypatch, tmp_path):
        """A complete environment; called with a table, it is another one."""
        def write(table):
            (tmp_path / 'table.json').write_text(json.dumps(table))

        write(rank_table((0, 1)))
        for name, value in (('RANK_SIZE', '2'), ('RANK_ID', '0'), ('JOB_ID', '1'),
                            ('DEVICE_ID', '0'), ('RANK_TABLE_FILE', str(tmp_path / 'table.json'))):
            monkeypatch.setenv(name, value)
        return write

    def test_the_environment_of_one_rank(self):
        from hccl.manage.api import get_rank_id, get_rank_size
        assert (get_rank_id(), get_rank_size()) == (0, 1)
        tf.Session(config=configuration()).close()

    def test_a_complete_environment(self, two_ranks):
        tf.Session(config=configuration()).close()

    @pytest.mark.parametrize('name', ['JOB_ID', 'RANK_ID', 'RANK_TABLE_FILE'])
    def test_what_is_missing(self, two_ranks, monkeypatch, name):
        monkeypatch.delenv(name)
        with refusal('without ' + name):
            tf.Session(config=configuration())

    def test_a_table_without_a_rank(self, two_ranks, monkeypatch):
        for name in ('RANK_SIZE', 'RANK_ID'):
            monkeypatch.delenv(name)
        with refusal('RANK_TABLE_FILE without RANK_ID'):
            tf.Session(config=configuration())

    @pytest.mark.parametrize('name, value, fault', [
        ('RANK_SIZE', '0', 'RANK_SIZE=0 is no number'),
        ('RANK_SIZE', '4', 'with a rank table of 2 devices'),
        ('RANK_ID', '2', 'RANK_ID=2 and RANK_SIZE=2'),
        ('RANK_ID', 'first', 'RANK_ID=first is no number'),
        ('DEVICE_ID', '1', 'DEVICE_ID=1, but the rank table has device 0'),
        ('ASCEND_DEVICE_ID', '1', 'ASCEND_DEVICE_ID=1, but the rank table has device 0'),
        ('RANK_TABLE_FILE', '/no/such', 'RANK_TABLE_FILE=/no/such: FileNotFoundError'),
    ])
    def test_what_is_wrong(self, two_ranks, monkeypatch, name, value, fault):
        monkeypatch.setenv(name, value)
        with refusal(fault):
            tf.Session(config=configuration())

    @pytest.mark.parametrize('table, fault', [
        ([], 'TypeError'),
        (rank_table((0, 1), version='1.1'), 'version'),
        (rank_table((0, 1), status='setting'), 'status'),
        (rank_table((0, 1), server_count=1), 'server_count'),
        (rank_table((0, 1, 2)), '1, 2, 4 or 8'),
        (rank_table((0, 0)), 'not unique'),
        (rank_table((0, 8)), 'within 0 to 7'),
        (rank_table((3, 4)), 'within 0-3 or 4-7'),
        (without_unique_addresses(), 'device_ip'),
        (with_numbers(), 'texts'),
        (with_a_gap(), 'rank_id'),
    ])
    def test_rank_tables(self, two_ranks, table, fault):
        two_ranks(table)
        with refusal(fault):
            tf.Session(config=configuration())

    def test_ranks_are_known_once_the_system_is_initialised(self, two_ranks):
        from hccl.manage.api import get_rank_id, get_rank_size
        for ask in (get_rank_id, get_rank_size):
            with refusal('%s before initialize_system has run' % ask.__name__):
                ask()
        operation = part('estimator.npu_ops').initialize_system()
        with refusal('before initialize_system'):
            get_rank_id()
        run(operation)
        assert (get_rank_id(), get_rank_size()) == (0, 2)

    def test_after_the_shutdown_nothing_works(self):
        from hccl.manage.api import get_rank_id
        one = tf.constant(1.0) + 0
        with tf.Session(config=configuration()) as session:
            session.run(one)
            session.run(part('estimator.npu_ops').shutdown_system())
            with refusal('session.run after shutdown_system'):
                session.run(one)
        with refusal('get_rank_id after shutdown_system'):
            get_rank_id()
        with refusal('a session after shutdown_system'):
            tf.Session(config=configuration())

    def test_groups_and_splits(self):
        from hccl.manage import api
        from hccl.split.api import set_split_strategy_by_idx, set_split_strategy_by_size
        with refusal('only hccl_world_group is emulated'):
            api.create_group('half', 1, [0])
        with refusal('only hccl_world_group is emulated'):
            api.get_rank_id('half')
        set_split_strategy_by_size([60, 40])
        set_split_strategy_by_idx([20, 100])
        with refusal('percentages'):
            set_split_strategy_by_size([60, 30])
        with refusal('indices'):
            set_split_strategy_by_idx([100, 20])


class TestCollectives:
    @pytest.mark.parametrize('call, fault', [
        (lambda ops: ops.allreduce(tf.zeros([2], tf.float64), 'sum'), 'dtype float64'),
        (lambda ops: ops.allreduce(tf.zeros([2], tf.int64), 'sum'), 'dtype int64'),
        (lambda ops: ops.allreduce(tf.zeros([2]), 'mean'), 'reduction mean'),
        (lambda ops: ops.allreduce(tf.zeros([2]), 'sum', fusion=3), 'fusion 3'),
        (lambda ops: ops.allreduce(tf.zeros([2]), 'sum', group='half'), 'group half'),
        (lambda ops: ops.broadcast(tf.zeros([2]), 0), 'takes a list'),
        (lambda ops: ops.broadcast([tf.zeros([2])], 1), 'root_rank 1'),
        (lambda ops: ops.broadcast([tf.zeros([2])], 0, fusion=1), 'fusion 1'),
        (lambda ops: ops.broadcast([tf.constant('a')], 0), 'dtype string'),
        (lambda ops: ops.allgather(tf.zeros([]), 1), 'allgather of a scalar'),
        (lambda ops: ops.allgather(tf.zeros([2]), 2), 'rank_size 2 of 1'),
        (lambda ops: ops.reduce_scatter(tf.zeros([]), 'sum', 1), 'reduce_scatter of'),
        (lambda ops: ops.reduce_scatter(tf.zeros([2]), 'mean', 1), 'reduction mean'),
    ])
    def test_what_hccl_does_not_take(self, call, fault):
        with refusal(fault):
            call(part('hccl.hccl_ops'))

    def test_one_rank_talks_to_itself(self, journal):
        ops = part('hccl.hccl_ops')
        x = tf.constant([1.0, 2.0])
        results = [ops.allreduce(x, 'sum'), ops.broadcast([x, x + 1], 0), ops.allgather(x, 1),
                   ops.reduce_scatter(x, 'max', 1)]
        assert [tensor.shape.as_list() for tensor in results[1]] == [[2], [2]]
        summed, (first, second), gathered, scattered = run(results)
        for array in (summed, first, gathered, scattered):
            assert array.tolist() == [1, 2]
        assert second.tolist() == [2, 3]
        entry, = read_journal(journal, 'hccl')
        assert [call.split()[0] for call in entry['calls']] == [
            'HcomAllReduce', 'HcomBroadcast', 'HcomAllGather', 'HcomReduceScatter']

    def test_they_run_only_on_the_npu(self):
        summed = part('hccl.hccl_ops').allreduce(tf.constant([1.0]), 'sum')
        with tf.Session() as session, pytest.raises(tf.errors.OpError,
                                                    match='runs only on the NPU'):
            session.run(summed)

    def test_the_graph_is_complete_before_the_session(self):
        with tf.Session(config=configuration()) as session:
            summed = part('hccl.hccl_ops').allreduce(tf.constant([1.0]), 'sum')
            with refusal('make the session when the graph is complete'):
                session.run(summed)


def call(kind, name='call', shape='[4]', **attributes):
    return dict(attributes, type=kind, name=name, tensors='float32' + shape)


class TestExchange:
    @pytest.fixture
    def ranks(self, tmp_path):
        """Two ranks in two threads; `ranks(plans, calls)` returns what each got or was told."""
        table = tmp_path / 'table'
        table.write_text('')
        make = emulated('exchange').Exchange
        exchanges = [make(emulated('system').Rank(number, 2, str(table)), 5)
                     for number in range(2)]

        def in_each(act):
            results = [None, None]

            def work(number):
                try:
                    results[number] = act(exchanges[number], number)
                except emulated('errors').EmulatorError as error:
                    results[number] = str(error)

            threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return results

        return in_each

    @pytest.mark.parametrize('description, expected', [
        (call('HcomAllReduce', reduction='sum'), [[10, 12, 14, 16]] * 2),
        (call('HcomAllReduce', reduction='prod'), [[9, 20, 33, 48]] * 2),
        (call('HcomAllReduce', reduction='min'), [[1, 2, 3, 4]] * 2),
        (call('HcomAllReduce', reduction='max'), [[9, 10, 11, 12]] * 2),
        (call('HcomBroadcast', root_rank=1), [[9, 10, 11, 12]] * 2),
        (call('HcomAllGather'), [[1, 2, 3, 4, 9, 10, 11, 12]] * 2),
        (call('HcomReduceScatter', reduction='sum'), [[10, 12], [14, 16]]),
    ])
    def test_results(self, ranks, description, expected):
        def act(exchange, number):
            exchange.begin_run([description])
            array = np.arange(1, 5, dtype=np.float32) + 8 * number
            result, = exchange.call(0, description, [array])
            assert result.dtype == np.float32
            return result.tolist()

        assert ranks(act) == expected

    def test_another_order_is_noticed_before_the_run(self, ranks):
        calls = [call('HcomAllReduce', 'first'), call('HcomAllReduce', 'second')]
        for told in ranks(lambda exchange, number: exchange.begin_run(
                calls[::-1] if number else calls)):
            assert told.endswith('ranks differ: call 1 of a run is HcomAllReduce first float32[4] '
                                 'in rank 0 and HcomAllReduce second float32[4] in rank 1')

    def test_another_number_of_calls_is_noticed(self, ranks):
        for told in ranks(lambda exchange, number: exchange.begin_run(
                [call('HcomAllReduce')] * (1 + number))):
            assert 'a run has 1 calls in rank 0 and 2 in rank 1' in told

    def test_another_shape_is_noticed(self, ranks):
        def act(exchange, number):
            exchange.begin_run([])
            return exchange.call(0, call('HcomAllReduce', shape='[%d]' % (4 + number)), [])

        for told in ranks(act):
            assert 'rank 0 calls HcomAllReduce call float32[4], rank 1 calls ' in told

    def test_a_missing_rank_is_named(self, tmp_path):
        table = tmp_path / 'table'
        table.write_text('')
        exchange = emulated('exchange').Exchange(emulated('system').Rank(0, 2, str(table)), 0.2)
        with refusal('rank 0: waited 0.2 s for rank 1 at the start of a run with 1 calls'):
            exchange.begin_run([call('HcomAllReduce')])

    def test_a_missing_rank_0(self, tmp_path):
        table = tmp_path / 'table'
        table.write_text('')
        exchange = emulated('exchange').Exchange(emulated('system').Rank(1, 2, str(table)), 0.2)
        with refusal('rank 1: rank 0 is not there'):
            exchange.begin_run([])


class TestFloatStatus:
    @pytest.fixture(params=['2021', 'newer'])
    def overflows(self, request, monkeypatch):
        monkeypatch.setenv('NPU_EMULATOR_PROFILE', request.param)
        part('helper.helper')
        return npu.overflows

    def test_it_tells_what_is_finite(self, overflows):
        x = tf.placeholder(tf.float32, [2])
        flag, = overflows([tf.exp(x)])
        with tf.Session(config=configuration()) as session:
            assert [session.run(flag, {x: [0, number]}) for number in (0, 1e9, 0, np.nan)] == [
                0, 1, 0, 1]

    def test_it_tells_what_saturated(self, overflows, monkeypatch):
        monkeypatch.setenv('NPU_EMULATOR_OVERFLOWS', '2,3')
        flag, = overflows([tf.exp(tf.constant([0.0]))])
        with tf.Session(config=configuration()) as session:
            assert [session.run(flag) for _ in range(4)] == [0, 1, 1, 0]

    def test_it_is_read_after_something(self, overflows):
        with refusal('read before anything has been computed'):
            overflows([])


class TestPlugin:
    def test_it_is_for_one_tensorflow(self):
        other = 'npu_device' if is_tensorflow_1() else 'npu_bridge'
        with pytest.raises(ImportError, match='%s is for TensorFlow' % other):
            __import__(other)

    def test_tensorflow_2_has_to_enable_it(self):
        sessions = emulated('sessions')
        sessions.uninstall()
        sessions.install(v1=False)
        with refusal('before npu_device.compat.enable_v1'):
            tf.Session(config=configuration())
        sessions.install(v1=True)
        tf.Session(config=configuration()).close()

    def test_it_comes_before_the_first_node(self):
        tf.constant(1.0)
        with pytest.raises(ImportError, match='enable_v1 after a graph was begun'):
            emulated('plugin').enable_v1()

    def test_precision_can_be_kept(self, monkeypatch):
        for profile, field in (('2021', 'b'), ('newer', 'i')):
            monkeypatch.setenv('NPU_EMULATOR_PROFILE', profile)
            with npu.full_precision():
                kept = tf.constant(1.0) + 1
            assert kept.op.node_def.attr['_keep_dtype'].WhichOneof('value') == field
        assert '_keep_dtype' not in (kept + 1).op.node_def.attr

    @pytest.mark.parametrize('name, layers_kept', [
        ('bsrn', ['first_conv/conv2d'] + 3 * ['last_conv/conv2d']),
        ('rcan', ['sf', 'conv2']),
        ('rdn', ['sfe1', 'output']),
        ('srcnn', ['conv1', 'conv3']),
        ('wdsr', ['head/0', 'tail/0', 'skip/0']),
    ])
    def test_the_first_and_the_last_layers_keep_theirs(self, graph, name, layers_kept):
        model = make_model(name, 2)
        with layers.keeping_precision(npu.full_precision):
            images = tf.placeholder(tf.float32, [1, 8, 8, model.channels])
            outputs = model.network(images, 2)
        operations = graph.get_operations()
        kept = [operation for operation in operations if '_keep_dtype' in operation.node_def.attr]
        convolutions = [operation.inputs[1].op.name for operation in kept
                        if operation.type == 'Conv2D']
        assert [layer.split('/', 1)[1].rsplit('/kernel', 1)[0] for layer in convolutions] == (
            layers_kept)
        assert len(convolutions) < sum(operation.type == 'Conv2D' for operation in operations)
        # What is before the first of them and after the last is the shift by the mean.
        for operation in [output.op for output in outputs] + images.consumers():
            assert operation in kept

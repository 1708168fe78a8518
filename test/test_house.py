"""The rules of the house: which file may import which, and when TensorFlow is loaded."""
import ast
import os
import textwrap

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOMS = ('sr_tf', 'models', 'dataloaders', 'bench')
SCRIPT_LINES = 120

# From the ground up; a file may import from its own floor and from those below.
FLOORS = (
    ('sr_tf.errors',),
    ('sr_tf.compat', 'sr_tf.version', 'sr_tf.whole_file', 'sr_tf.lock', 'sr_tf.paths',
     'sr_tf.images', 'sr_tf.tiles', 'sr_tf.progress', 'sr_tf.protobuf', 'sr_tf.ensemble',
     'sr_tf.cores', 'sr_tf.scales', 'sr_tf.streams'),
    ('sr_tf.data', 'sr_tf.scoring', 'sr_tf.report', 'sr_tf.distributed', 'sr_tf.chips',
     'sr_tf.checkpoint', 'sr_tf.pretrained', 'models', 'dataloaders'),
    ('sr_tf.training', 'sr_tf.graphs'),
    ('sr_tf.network', 'sr_tf.tiling', 'sr_tf.upscaler', 'sr_tf.flags', 'sr_tf.cli', 'sr_tf',
     'sr_tf.engines', 'sr_tf.exporting'),
    ('sr_tf.weights', 'sr_tf.jobs', 'sr_tf.enlarging', 'sr_tf.cards', 'bench'),
)
SCRIPT_FLOOR = len(FLOORS)

# Rooms that know even less than their floor allows.
KNOWS_ONLY = {
    'sr_tf.compat': ('sr_tf.errors',),
    'sr_tf.images': ('sr_tf.images', 'sr_tf.tiles', 'sr_tf.whole_file', 'sr_tf.paths',
                     'sr_tf.scales', 'sr_tf.errors'),
    'models': ('models', 'sr_tf.compat', 'sr_tf.scales', 'sr_tf.errors'),
    # They run on a Python that may have nothing but PyTorch.
    'bench.answering': (),
    'bench.pytorch': ('bench.answering', 'bench.pytorch'),
}


def sources():
    """Maps the names of all modules of the project, scripts among them, to their paths."""
    found = {name[:-3]: os.path.join(ROOT, name)
             for name in os.listdir(ROOT) if name.endswith('.py')}
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(ROOT, room)):
            package = os.path.relpath(folder, ROOT).replace(os.sep, '.')
            for name in names:
                if name.endswith('.py'):
                    module = package if name == '__init__.py' else package + '.' + name[:-3]
                    found[module] = os.path.join(folder, name)
    return found


SOURCES = sources()
SCRIPTS = sorted(name for name in SOURCES if '.' not in name and name not in ROOMS)


def parsed(module):
    with open(SOURCES[module], encoding='utf-8') as file:
        return ast.parse(file.read())


def imported_names(tree):
    """What the import statements of a module name, those inside of functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, 'imports are written with full names'
            for alias in node.names:
                yield node.module, alias.name


def imports(module):
    """The modules of the project that a module imports."""
    found = set()
    for name, member in imported_names(parsed(module)):
        submodule = '%s.%s' % (name, member)
        found.update({submodule if submodule in SOURCES else name} & set(SOURCES))
    return found


def is_in(module, room):
    return module == room or (room != 'sr_tf' and module.startswith(room + '.'))


def floor(module):
    if module in SCRIPTS:
        return SCRIPT_FLOOR
    floors = [number for number, rooms in enumerate(FLOORS)
              if any(is_in(module, room) for room in rooms)]
    assert floors, '%s is on no floor: give it one in FLOORS' % module
    return floors[0]


def cycle(graph):
    """A list of nodes each of which leads to the next and the last to the first, or []."""
    finished, path = set(), []

    def walk(node):
        if node in path:
            return path[path.index(node):]
        if node in finished:
            return []
        path.append(node)
        for target in sorted(graph[node]):
            found = walk(target)
            if found:
                return found
        finished.add(path.pop())
        return []

    for node in sorted(graph):
        found = walk(node)
        if found:
            return found
    return []


def test_the_cycle_finder_finds_cycles():
    assert cycle({'a': {'b', 'c'}, 'b': {'c'}, 'c': set()}) == []
    assert cycle({'a': {'b'}, 'b': {'c'}, 'c': {'d'}, 'd': {'b'}}) == ['b', 'c', 'd']


def test_no_two_files_import_each_other():
    graph = {module: imports(module) - {'sr_tf'} for module in SOURCES if module != 'sr_tf'}
    assert len(graph) > 30
    assert cycle(graph) == []


def test_files_import_from_their_floor_or_below():
    above = ['%s imports %s' % (module, target) for module in sorted(SOURCES)
             for target in sorted(imports(module)) if floor(target) > floor(module)]
    assert above == []


@pytest.mark.parametrize('room', sorted(KNOWS_ONLY))
def test_a_room_knows_only_what_it_may(room):
    modules = [module for module in sorted(SOURCES) if is_in(module, room)]
    assert modules
    strangers = ['%s imports %s' % (module, target)
                 for module in modules for target in sorted(imports(module))
                 if not any(is_in(target, known) for known in KNOWS_ONLY[room])]
    assert strangers == []


def test_only_compat_imports_tensorflow():
    def loads_tensorflow(tree):
        written = [name for name, _ in imported_names(tree)]
        computed = [ast.dump(node.args[0]) for node in ast.walk(tree) if isinstance(node, ast.Call)
                    and getattr(node.func, 'attr', None) == 'import_module']
        return (any(name.split('.')[0] == 'tensorflow' for name in written)
                or any("'tensorflow" in name for name in computed))

    assert [name for name in sorted(SOURCES) if loads_tensorflow(parsed(name))] == ['sr_tf.compat']


def test_only_the_networks_to_compare_with_import_pytorch():
    assert [name for name in sorted(SOURCES)
            if imports_torch(name) and not is_in(name, 'bench.pytorch')] == []


def imports_torch(module):
    return 'torch' in {name.split('.')[0] for name, _ in imported_names(parsed(module))}


@pytest.mark.parametrize('script', SCRIPTS)
def test_scripts_are_short(script):
    with open(SOURCES[script], encoding='utf-8') as file:
        assert len(file.readlines()) < SCRIPT_LINES


@pytest.mark.parametrize('script', SCRIPTS)
def test_help_comes_before_tensorflow_is_loaded(run_script, script):
    brief, full = (answer_without_tensorflow(run_script, script, flag, 0)
                   for flag in ('--help', '--helpfull'))
    assert brief.startswith(script + '.py: ')
    assert '--debug' in brief
    assert '--bsrn_' not in brief
    if script in ('train', 'validate', 'predict'):
        assert '--bsrn_recursions [16]' in full


@pytest.mark.parametrize('script', SCRIPTS)
def test_a_mistyped_flag_is_refused_before_tensorflow_is_loaded(run_script, script):
    assert answer_without_tensorflow(run_script, script, '--no_such_flag', 2) == ''


def answer_without_tensorflow(run_script, script, flag, code):
    result = run_script('-X', 'importtime', script + '.py', flag)
    loaded = {line.split('|')[-1].strip() for line in result.stderr.splitlines() if '|' in line}
    assert result.returncode == code
    assert 'sr_tf' in loaded
    assert not {name.split('.')[0] for name in loaded} & {'tensorflow', 'keras', 'h5py'}
    return result.stdout


def test_importing_has_no_side_effects(run_script, tmp_path):
    """No TensorFlow, no flags, no environment changed, no thread, nothing written or printed."""
    result = run_script('-c', textwrap.dedent('''
        import importlib, os, sys, threading
        from absl import flags
        sys.path.insert(0, os.getcwd())
        sys.dont_write_bytecode = True
        os.chdir(%r)
        environment, known_flags = dict(os.environ), set(flags.FLAGS)
        for module in %r:
            importlib.import_module(module)
        assert 'tensorflow' not in sys.modules, 'TensorFlow is loaded'
        assert set(flags.FLAGS) == known_flags, set(flags.FLAGS) - known_flags
        assert dict(os.environ) == environment, 'the environment is changed'
        assert threading.active_count() == 1, threading.enumerate()
        assert not os.listdir('.'), os.listdir('.')
    ''') % (str(tmp_path), [name for name in sorted(SOURCES) if not imports_torch(name)]))
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


def test_importing_reads_neither_environment_nor_files():
    assert [module for module in sorted(SOURCES)
            if any(map(is_read_of_the_outside, run_on_import(parsed(module))))] == []


def run_on_import(tree):
    """The nodes of a module that are evaluated when it is imported."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            waiting += node.args.defaults + getattr(node, 'decorator_list', [])
        elif not is_main_guard(node):
            waiting += ast.iter_child_nodes(node)


def is_main_guard(node):
    return isinstance(node, ast.If) and '__main__' in ast.dump(node.test)


def is_read_of_the_outside(node):
    if isinstance(node, ast.Attribute):
        return node.attr in ('environ', 'getenv', 'argv')
    return isinstance(node, ast.Call) and getattr(node.func, 'id', None) in ('open', 'input')


def test_reads_on_import_are_recognised():
    tree = ast.parse('def f(a=os.environ["A"]):\n    open("b")\nclass C:\n    x = open("c")\n')
    assert sum(map(is_read_of_the_outside, run_on_import(tree))) == 2

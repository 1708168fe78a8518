"""What a run would make the NPU compile, and what of it the NPU could not compute."""
import tensorflow

from emulated_npu import collectives, marks

tf = tensorflow.compat.v1

SOURCES = ('IteratorGetNext', 'IteratorGetNextSync', 'OneShotIterator')
PYTHON = ('PyFunc', 'PyFuncStateless', 'EagerPyFunc')
HOST = PYTHON + SOURCES + (
    'Assert', 'Const', 'ImmutableConst', 'IteratorV2', 'MakeIterator', 'NoOp', 'Placeholder',
    'PlaceholderWithDefault')
RESERVED_NAMES = ('IterationOp', 'NpuCompile', 'var_in_host')
FOREIGN_DTYPES = ('float64', 'complex64', 'complex128', 'variant')
UPDATES = ('Apply', 'ResourceApply', 'SparseApply', 'AssignAdd', 'AssignSub', 'Scatter')


class Program:
    """The nodes that a run of some fetches needs, short of what it is fed and its data set's.

    operations: how many of each type are for the NPU; without any, nothing is compiled.
    sources: where a data set's batches come from.
    calls: HCCL's, in the order of the graph.
    trains: whether it changes variables, other than by setting them.
    keeping: how many nodes must keep their dtype.
    """

    def __init__(self, graph, targets, fed):
        cone = _cone(targets, fed)
        self.sources = [operation for operation in cone if operation.type in SOURCES]
        own = [operation for operation in cone if not marks.is_emulated(operation)]
        known_calls = collectives.calls_of(graph)
        names = {operation.name for operation in cone} & set(known_calls)
        self.calls = [known_calls[operation.name] for operation in graph.get_operations()
                      if operation.name in names] if names else []
        on_npu = [operation for operation in own if _is_for_npu(operation)]
        self.operations = _counted([operation.type for operation in on_npu]
                                   + [call['type'] for call in self.calls])
        self.trains = any(name.startswith(UPDATES) for name in self.operations)
        self.keeping = sum(map(marks.keeps_dtype, on_npu))
        self.faults = _lint(graph, own if self.trains else on_npu, self.trains)


def _cone(targets, fed):
    """All operations that the targets need; the names in `fed` are tensors that are given."""
    found, waiting = {}, list(targets)
    while waiting:
        operation = waiting.pop()
        if operation.name in found:
            continue
        found[operation.name] = operation
        if operation.type in SOURCES:
            continue
        waiting += [tensor.op for tensor in operation.inputs if tensor.name not in fed]
        waiting += operation.control_inputs
    return list(found.values())


def _is_for_npu(operation):
    return not (operation.type in HOST or 'Dataset' in operation.type
                or 'string' in _dtypes(operation))


def _dtypes(operation):
    return {tensor.dtype.base_dtype.name
            for tensor in list(operation.inputs) + list(operation.outputs)}


def _counted(names):
    return {name: names.count(name) for name in sorted(set(names))}


def _lint(graph, operations, trains):
    faults = []
    for operation in operations:
        if operation.type in SOURCES:
            continue
        dtypes = {tensor.dtype.base_dtype.name for tensor in operation.outputs}
        if trains and (operation.type in PYTHON or 'string' in _dtypes(operation)):
            faults.append('%s (%s) in a train step' % (operation.name, operation.type))
        faults += ['%s has a name that means something to the plug-in' % operation.name
                   for name in RESERVED_NAMES if name in operation.name]
        faults += ['%s (%s) is %s' % (operation.name, operation.type, name)
                   for name in sorted(dtypes & set(FOREIGN_DTYPES))]
    bodies = {name for operation in operations for name in _functions(operation.node_def)}
    if bodies:
        library = {function.signature.name: function.node_def
                   for function in graph.as_graph_def().library.function}
        faults += _lint_functions(library, bodies)
    return faults


def _functions(node):
    """The names of the functions that a node calls."""
    for value in node.attr.values():
        for function in [value.func] + list(value.list.func):
            if function.name:
                yield function.name


def _lint_functions(library, names):
    faults, done, waiting = [], set(), sorted(names & set(library))
    foreign = {tf.as_dtype(name).as_datatype_enum for name in FOREIGN_DTYPES + ('string',)}
    while waiting:
        name = waiting.pop()
        done.add(name)
        for node in library[name]:
            types = {value.type for value in node.attr.values()}
            if node.op in PYTHON or types & foreign:
                faults.append('%s (%s) in the function %s' % (node.name, node.op, name))
            waiting += sorted(set(_functions(node)) & set(library) - done)
    return faults

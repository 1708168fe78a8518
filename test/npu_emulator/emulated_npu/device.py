"""An NPU as a session sees it: it compiles graphs and runs them."""
import itertools
import os
from collections import OrderedDict

import numpy as np
import tensorflow

from emulated_npu import collectives, journal, profile, system
from emulated_npu.errors import EmulatorError
from emulated_npu.programs import Program

CACHED_SHAPES = 10
COMPILED = 'The model has been compiled on the Ascend AI processor, current graph id is: %d'

_graph_ids = itertools.count(1)


class Device:
    """Of one session; `options` are those of the plug-in, checked.

    threads: how many nodes can wait at the same time, as HCCL's do here.
    announces: whether TensorFlow logs what is merely information.
    """

    def __init__(self, options, graph, threads, announces):
        self._options = options
        self._graph = graph
        self._threads = threads
        self._announces = announces and profile.is_newer()
        self._programs = {}
        self._compiled = {}
        journal.note('session', options=options)

    def run(self, run, fetches, feeds):
        """What `run(fetches, feeds)` returns, after the objections that an NPU would have."""
        system.require_up('session.run')
        feeds = {self._graph.as_graph_element(key).name: value
                 for key, value in (feeds or {}).items()}
        elements = [self._graph.as_graph_element(fetch)
                    for fetch in tensorflow.nest.flatten(fetches)]
        key = tuple(sorted(element.name for element in elements)), tuple(sorted(feeds))
        if key not in self._programs:
            self._programs[key] = self._program(elements, feeds)
        program = self._programs[key]
        if not program.operations:
            return run(fetches, feeds)
        batches = [source.outputs for source in program.sources if not _is_static(source)]
        results, batches = collectives.run_with(
            program.calls, lambda: run([fetches, batches], feeds))
        self._compile(key, program, _shapes(feeds), [
            [tensor.shape.as_list() for tensor in source.outputs] for source in program.sources
            if _is_static(source)] + [[list(np.shape(array)) for array in batch]
                                      for batch in batches])
        system.initialise()
        return results

    def _program(self, elements, feeds):
        targets = [getattr(element, 'op', element) for element in elements
                   if element.name not in feeds]
        program = Program(self._graph, targets, set(feeds))
        if program.faults:
            raise EmulatorError('cannot be computed on an NPU: %s' % '; '.join(program.faults))
        if len(program.calls) > self._threads:
            raise EmulatorError('%d calls of HCCL: make the session when the graph is complete'
                                % len(program.calls))
        return program

    def _compile(self, key, program, feeds, batches):
        """Takes note of a graph, unless it is compiled already for inputs of these shapes."""
        shapes = str((feeds, batches))
        cache = self._compiled.setdefault(key, OrderedDict())
        if shapes in cache or (cache and self._compiles_once()):
            cache[shapes] = cache.get(shapes, 0) + 1
            return
        if cache and not self._options.get('dynamic_input'):
            raise EmulatorError('shapes changed without dynamic_input: %s after %s'
                                % (shapes, list(cache)[-1]))
        if len(cache) == CACHED_SHAPES:
            del cache[min(cache, key=cache.get)]
        cache[shapes] = 1
        number = next(_graph_ids)
        journal.note('graph', id=number, fetches=key[0], feeds=feeds, batches=batches,
                     operations=program.operations, trains=program.trains,
                     keeping=program.keeping)
        if self._announces:
            os.write(2, ('I tf_adapter/kernels/geop_npu.cc] %s\n' % COMPILED % number).encode())
        if number > int(os.environ.get('NPU_EMULATOR_MAX_GRAPHS', number)):
            raise EmulatorError('graph %d is one more than NPU_EMULATOR_MAX_GRAPHS: fetches %s, '
                                'feeds %s, batches %s' % (number, list(key[0]), feeds, batches))

    def _compiles_once(self):
        return self._options.get('dynamic_graph_execute_mode') == 'dynamic_execute'


def _is_static(source):
    return all(tensor.shape.is_fully_defined() for tensor in source.outputs)


def _shapes(feeds):
    return {name: list(np.shape(value)) for name, value in sorted(feeds.items())
            if np.asarray(value).dtype.kind not in 'OSU'}

"""One file per table of measurements; the file's name is what `python -m bench` takes.

A table is a module with

title: its docstring's first line says what is compared.
`rows(full)`: a generator of `result.Row`; all that the table measures, at published sizes, or else
    its share of a summary that takes ten minutes on two cores.
`against`: a way, or a tuple of ways, that the others are compared with: ours, so that a ratio above
    1 says how many times better ours is.
"""
import importlib
import pkgutil


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__)
                  if module.name != '__main__' and hasattr(_module(module.name), 'rows'))


def find(name):
    """The module of a table."""
    # Here, because `bench.pytorch` runs on a Python that may have nothing that sr_tf needs.
    from sr_tf.errors import UsageError
    if name not in names():
        raise UsageError('%s: no such table; there are %s' % (name, ', '.join(names())))
    return _module(name)


def title(table):
    return table.__doc__.strip().splitlines()[0].rstrip('.:')


def _module(name):
    return importlib.import_module('bench.' + name)

"""One file per architecture; the file's name is what `--model` takes."""
import importlib
import pkgutil

from models.base_model import BaseModel
from sr_tf.errors import UsageError

_SHARED = ('base_model', 'counting', 'kernel_gradients', 'layers', 'notes', 'padding', 'recompute',
           'unit_range', 'weights')


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__)
                  if module.name not in _SHARED)


def find(name):
    """The class of the architecture in `models/<name>.py`."""
    if name not in names():
        raise UsageError('--model=%s: no such model; there are %s' % (name, ', '.join(names())))
    module = importlib.import_module('models.' + name)
    return next(value for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, BaseModel)
                and value.__module__ == module.__name__)


def recognise(shapes):
    """The model whose variables these are, from a mapping of names to shapes, or None."""
    for name in names():
        model = find(name).from_shapes(shapes)
        if model is not None:
            return model
    return None

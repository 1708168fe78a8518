"""One file per layout on disk; the file's name is what `--dataloader` takes."""
import importlib
import pkgutil

from dataloaders.base_loader import BaseLoader
from sr_tf.errors import UsageError


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__)
                  if module.name != 'base_loader')


def find(name):
    """The class of the loader in `dataloaders/<name>.py`."""
    if name not in names():
        raise UsageError('--dataloader=%s: no such loader; there are %s'
                         % (name, ', '.join(names())))
    module = importlib.import_module('dataloaders.' + name)
    return next(value for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, BaseLoader)
                and value.__module__ == module.__name__)

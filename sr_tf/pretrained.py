"""The trained weights that come along: in `weights/`, a checkpoint for a model and its scales.

`wdsr_x2` is a WDSR for x2, and `bsrn_x234` a BSRN for x2, x3 and x4.  The name of a model stands
for these.
"""
import os
import re

import models
from sr_tf.errors import UsageError
from sr_tf.scales import in_words

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'weights')
_INDEX = re.compile(r'(\w+)_x(\d+)\.index$')


def is_name(path):
    """Whether it is the name of a model; a folder that is called so is written ./wdsr."""
    return path in models.names()


def checkpoints(path, scales=None):
    """All that a path stands for: itself, or the checkpoints of a model for those of the scales.

    Where it lacks one of them, or none are named, for all that it has.
    """
    if not is_name(path):
        return [path]
    known = of_model(path)
    wanted = set(scales) if scales and set(scales) <= set(known) else set(known)
    return list(dict.fromkeys(known[scale] for scale in sorted(wanted)))


def find(model, scales=(), flag='--scale'):
    """The checkpoint that serves all of the scales, which the flag named."""
    known = of_model(model)
    prefixes = {known.get(scale) for scale in scales} if scales else set(known.values())
    if not scales and len(prefixes) > 1:
        raise UsageError('%s is missing: %s is for %s' % (flag, model, in_words(sorted(known))))
    if None in prefixes or len(prefixes) > 1:
        raise UsageError('%s=%s: the trained weights of %s that come along are for %s%s' % (
            flag, ','.join(map(str, scales)), model, in_words(sorted(known)),
            ', each by itself' * (len(set(known.values())) > 1)))
    prefix, = prefixes
    return prefix


def everything():
    """All checkpoints that come along."""
    return sorted({prefix for known in _found().values() for prefix in known.values()})


def of_model(model):
    """Maps scales to the checkpoints that come along for them."""
    found = _found()
    if model not in found:
        raise UsageError('%s: no trained weights of it come along, those that do are of %s; '
                         'import_weights.py brings some from elsewhere, --restore_path names them'
                         % (model, ', '.join(sorted(found)) or 'no model (%s)' % FOLDER))
    return found[model]


def name_of(model):
    """What its checkpoint is called, without a folder."""
    return '%s_x%s' % (model.name(), ''.join(map(str, model.scales)))


def _found():
    found = {}
    for name in sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else ():
        match = _INDEX.match(name)
        for scale in map(int, match.group(2)) if match else ():
            prefix = os.path.join(FOLDER, name[:-len('.index')])
            found.setdefault(match.group(1), {})[scale] = prefix
    return found

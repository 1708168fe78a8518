"""Which of a folder's pictures is which image of a test set, when tools name files as they like."""
import os
import re

from sr_tf.errors import UserError

# Letters and digits make words; an underscore parts them.
WORD_START, WORD_END = r'(?<![^\W_])', r'(?![^\W_])'
SCALE = re.compile(WORD_START + r'(?:(?:x|srf_)([2-9])|([2-9])x)' + WORD_END)


def match(folder, pictures, names, dataset, scale):
    """Maps each name to the one of the pictures, paths relative to the folder, that is meant.

    A picture's name holds the image's as a word of its own, as in baby_x4_MyNet.png.  Pictures
    whose paths speak of other scales are not meant, and those in a folder that is named like the
    set are meant before others.
    """
    words = {name: re.compile(WORD_START + re.escape(name.split('/')[-1]) + r'(?=x[2-9]|[\W_]|$)')
             for name in names}
    found = {name: [] for name in names}
    for path in pictures:
        place, stem = os.path.split(os.path.splitext(path)[0])
        known = [name for name in names if words[name].search(stem)]
        if known:
            name = max(known, key=lambda name: _likeness(place, name))
            scales = _scales(place + ' ' + words[name].sub(' ', stem, count=1))
            if not scales or scale in scales:
                found[name].append(path)
    return {name: _only(folder, name, paths, dataset, scale) for name, paths in found.items()}


def _likeness(place, name):
    """The longest name is meant, and of equal ones that whose folders the picture's end with."""
    *folders, stem = name.split('/')
    places = place.split(os.sep)
    return len(stem), places[max(0, len(places) - len(folders)):] == folders, len(name)


def _only(folder, name, paths, dataset, scale):
    wanted = '%s of %s at x%d' % (name, dataset, scale)
    if not paths:
        raise UserError('%s: has no picture for %s; its name must hold the image\'s, as in '
                        '%s_x%d.png' % (folder, wanted, name.split('/')[-1], scale))
    in_set = [path for path in paths if dataset.lower() in path.lower().split(os.sep)[:-1]]
    first, *others = in_set or paths
    if others:
        raise UserError('%s and %s in %s: two pictures for %s; name a folder that holds only one'
                        % (first, others[0], folder, wanted))
    return first


def _scales(words):
    return {int(one or other) for one, other in SCALE.findall(words.lower())}

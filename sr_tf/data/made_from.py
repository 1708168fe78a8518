"""What prepared files were made from: a second run continues the first, and never mixes two."""
import hashlib
import json
import os

from sr_tf.errors import UserError
from sr_tf.whole_file import whole_or_absent

FILE_NAME = 'made_from.json'


def stamp(sources):
    """What changes when an image is added, removed or written anew."""
    status = [os.stat(source.path) for source in sources]
    value = [[source.name, found.st_size, found.st_mtime_ns]
             for source, found in zip(sources, status)]
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def claim(folder, settings):
    """Notes the settings in a folder, or raises UserError if it was made with others."""
    path = os.path.join(folder, FILE_NAME)
    if os.path.exists(path):
        require_same(folder, _read(path), settings)
        return
    with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
        json.dump(settings, file, indent=2, sort_keys=True)


def require_same(path, made, wanted):
    """Compares settings; one of them may be `images`, the stamp of the sources."""
    for setting, value in sorted(wanted.items()):
        if made.get(setting) != value:
            how = 'from these images' if setting == 'images' else 'with %s=%s' % (setting, value)
            raise UserError('%s: is there already, but was not made %s; remove it or name another '
                            '--output_path' % (path, how))


def _read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise UserError('%s: cannot be read (%s); remove the folder or name another --output_path'
                        % (path, error)) from error

"""Which pictures are enlarged, and where each of them goes."""
import glob
import os
import sys
from collections import namedtuple

from sr_tf.errors import UsageError, UserError
from sr_tf.images.files import find_images, is_image_name
from sr_tf.images.formats import EXTENSIONS, FORMATS, by_file_name
from sr_tf.paths import is_within, require_writable

STANDARD = '-'

Job = namedtuple('Job', 'source target format')
Job.__doc__ = """A picture to enlarge.

`source` and `target` are paths, or '-' for standard input and output; `format` is the name of the
format to write, or None for that of the source.
"""


def list_jobs(source, target, format_name=None):
    """The `Job`s for what the flags --input_path, --output_path and --format say."""
    if source == STANDARD:
        return [_from_standard_input(target, format_name)]
    if os.path.isdir(source):
        folder, names = source, find_images(source)
    elif glob.has_magic(source) and not os.path.exists(source):
        folder, names = _matches(source)
        if len(names) == 1 and not _means_folder(target):
            return _checked([_alone(os.path.join(folder, names[0]), target, format_name)])
    else:
        return _checked([_alone(source, target, format_name)])
    _require_folder(target, folder)
    # The output folder may be within that of the inputs; what is in it was enlarged before.
    found = [name for name in names if not is_within(os.path.join(folder, name), target)]
    if not found:
        raise UserError('%s: no images found (%s)' % (source, ', '.join(EXTENSIONS)))
    if len(found) < len(names):
        print('note: %s: is inside of %s; the %d pictures in it are left out'
              % (target, folder, len(names) - len(found)), file=sys.stderr)
    return _checked([_into(target, os.path.join(folder, name), name, format_name)
                     for name in found])


def _from_standard_input(target, format_name):
    if target != STANDARD and _means_folder(target):
        raise UsageError('--output_path=%s: a picture from standard input needs the name of a '
                         'file, or - for standard output' % target)
    return Job(STANDARD, target, _format_of(target, format_name))


def _alone(source, target, format_name):
    if target != STANDARD and _means_folder(target):
        return _into(target, source, os.path.basename(source), format_name)
    return Job(source, target, _format_of(target, format_name))


def _means_folder(path):
    return os.path.isdir(path) or path.endswith(os.sep) or not os.path.splitext(path)[1]


def _format_of(target, format_name):
    """Of a single file, whose name must not say another one than the flag."""
    if target == STANDARD:
        return format_name
    known = by_file_name(target)
    if known is None:
        raise UsageError('--output_path=%s: does not end in one of %s'
                         % (target, ', '.join(EXTENSIONS)))
    if format_name not in (None, known.name):
        raise UsageError('--output_path=%s: is not the name of a %s file, which --format asks for'
                         % (target, format_name))
    return known.name


def _into(folder, source, name, format_name):
    known = by_file_name(name)
    if format_name and (known is None or known.name != format_name):
        name = os.path.splitext(name)[0] + FORMATS[format_name].extensions[0]
    known = by_file_name(name)
    return Job(source, os.path.join(folder, name), known and known.name)


def _matches(pattern):
    """The folder above all that matches, and the pictures' paths below it."""
    folder = pattern
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    found = sorted(path for path in glob.glob(pattern, recursive=True)
                   if is_image_name(os.path.basename(path)) and os.path.isfile(path))
    return folder, [os.path.relpath(path, folder or '.') for path in found]


def _require_folder(target, folder):
    if target == STANDARD:
        raise UsageError('--output_path=-: standard output takes one picture; give a folder for '
                         'several')
    if not os.path.isdir(target) and (os.path.exists(target) or by_file_name(target)):
        raise UsageError('--output_path=%s: is a file, and several pictures need a folder' % target)
    if os.path.realpath(target) == os.path.realpath(folder or '.'):
        raise UserError('%s: is the folder of the pictures themselves; give another '
                        '--output_path' % target)


def _checked(jobs):
    """The jobs, if none overwrites the picture or the result of another, and all can be written.
    """
    for folder in {os.path.dirname(job.target) for job in jobs if job.target != STANDARD}:
        require_writable(folder, '--output_path')
    sources = {os.path.realpath(job.source): job.source for job in jobs}
    targets = {}
    for job in jobs:
        if job.target in targets:
            raise UserError('%s and %s: would both be written to %s; rename one, or leave out '
                            '--format' % (targets[job.target], job.source, job.target))
        targets[job.target] = job.source
        if os.path.realpath(job.target) in sources:
            raise UserError('%s: would be overwritten; give another --output_path'
                            % sources[os.path.realpath(job.target)])
    return jobs

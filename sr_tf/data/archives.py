"""Images below folders and inside archives, which are read without being unpacked to disk."""
import contextlib
import io
import itertools
import os
import posixpath
import re
import tarfile
import zipfile
import zlib
from collections import namedtuple
from operator import attrgetter

try:
    from lzma import LZMAError
except ImportError:  # A Python without it reads no such archive.
    LZMAError = zlib.error

from sr_tf.errors import UserError
from sr_tf.images import files
from sr_tf.paths import walk

ARCHIVES = ('.zip', '.tar', '.tar.gz', '.tgz')

Source = namedtuple('Source', 'name path member label')
Source.__doc__ = """An image.

`name` is its path below the folder as if all archives were unpacked, without the extension;
`path` is its file or that of its archive, `member` the archive's own entry for it, or None;
`label` is what messages call it.
"""


class NamedBytes(io.BytesIO):
    """A file in memory that a message can name as it names a path."""

    def __init__(self, data, label):
        super().__init__(data)
        self._label = label

    def __str__(self):
        return self._label


def find_images(paths):
    """The `Source`s in folders and archives: by name in a folder, in its own order in an archive.

    Of several folders, the name of each is put before those of its images.
    """
    sources = []
    for path in paths:
        if _is_archive_name(path):
            found = _members(path, '')
        else:
            found = _below(path, _base_name(path) if len(paths) > 1 else '')
        if not found:
            raise UserError('%s: no images found; --data_truth_path must name a folder or an '
                            'archive with %s' % (path, ', '.join(files.EXTENSIONS)))
        sources += found
    _require_distinct_names(sources)
    return sources


def opened(sources):
    """(name, file) of each source, in order; a file is a path or what `files.read_rgb` reads too.

    An archive is gone through once, from its start to its end.
    """
    for path, group in itertools.groupby(sources, attrgetter('path')):
        if _is_archive_name(path):
            yield from _unpacked(path, group)
        else:
            yield from ((source.name, path) for source in group)


def _is_archive_name(name):
    return name.lower().endswith(ARCHIVES)


def _is_zip_name(name):
    return name.lower().endswith('.zip')


def _base_name(folder):
    return os.path.basename(os.path.abspath(folder))


def _below(folder, prefix):
    if not os.path.isdir(folder):
        raise UserError('%s: no such folder, nor an archive (%s)' % (folder, ', '.join(ARCHIVES)))
    found = []
    for parent, names in walk(folder):
        relative = os.path.relpath(parent, folder)
        found += [os.path.normpath(os.path.join(relative, name)) for name in names
                  if files.is_image_name(name) or _is_archive_name(name)]
    sources = []
    for relative in sorted(found):
        path = os.path.join(folder, relative)
        name = posixpath.join(prefix, relative.replace(os.sep, '/'))
        if _is_archive_name(relative):
            sources += _members(path, posixpath.dirname(name))
        else:
            sources.append(Source(posixpath.splitext(name)[0], path, None, path))
    return sources


def _members(path, prefix):
    sources = []
    for name, member in _listed(path):
        _require_inside(path, name)
        if files.is_image_name(posixpath.basename(name)) and not name.endswith('/'):
            label = os.path.join(path, name)
            if isinstance(member, tarfile.TarInfo) and not member.isfile():
                raise UserError('%s: is a link or a device, not an image; remove it from the '
                                'archive' % label)
            name = posixpath.normpath(posixpath.join(prefix, name))
            sources.append(Source(posixpath.splitext(name)[0], path, member, label))
    return sources


def _listed(path):
    with _open_archive(path) as archive:
        if _is_zip_name(path):
            return [(member.filename, member) for member in archive.infolist()]
        members = [(member.name, member) for member in archive if not member.isdir()]
        _require_end_mark(archive)
        return members


def _require_end_mark(archive):
    """tarfile takes a cut or damaged header for the end, and would silently lose what follows."""
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError('unexpected end')


def _unpacked(path, sources):
    with _open_archive(path) as archive:
        unpack = archive.open if _is_zip_name(path) else archive.extractfile
        for source in sources:
            with unpack(source.member) as file:
                data = file.read()
            yield source.name, NamedBytes(data, source.label)


@contextlib.contextmanager
def _open_archive(path):
    try:
        with (zipfile.ZipFile if _is_zip_name(path) else tarfile.open)(path) as archive:
            yield archive
    except FileNotFoundError:
        raise UserError('%s: no such file' % path) from None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, OSError,
            ValueError, RuntimeError) as error:
        raise UserError('%s: cannot be read as an archive (%s); fetch it again'
                        % (path, str(error).split('\n')[0].rstrip(':'))) from error


def _require_inside(path, name):
    parts = re.split(r'[/\\]', name)
    is_absolute = not parts[0] or parts[0][1:2] == ':'
    if is_absolute or '..' in parts:
        raise UserError('%s: refused: its member %r leads outside of the archive; '
                        'get the archive from another place' % (path, name))


def _require_distinct_names(sources):
    labels = {}
    for source in sources:
        if source.name in labels:
            raise UserError('%s and %s: two images of one name; remove or rename one'
                            % (labels[source.name], source.label))
        labels[source.name] = source.label

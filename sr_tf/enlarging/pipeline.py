"""Many pictures, one after the other: threads read and write them beside the network."""
import contextlib
import errno
import functools
import io
import itertools
import os
from collections import namedtuple

import numpy as np

from sr_tf.chips import memory
from sr_tf.data.ahead import computed_ahead
from sr_tf.enlarging import room
from sr_tf.enlarging.enlarge import enlarged, for_network
from sr_tf.enlarging.places import STANDARD
from sr_tf.errors import UserError
from sr_tf.images.formats import FORMATS
from sr_tf.images.picture import Unusable
from sr_tf.images.reader import MAX_MEGAPIXELS, read_picture, read_size
from sr_tf.images.writer import DEFAULT_QUALITY, require_room, write_picture
from sr_tf.whole_file import whole_or_absent

BYTES_A_PIXEL = 16  # with 16 bits and alpha, and a copy while it is encoded
# After these no other picture can be written either.
HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

Work = namedtuple('Work', 'job size picture rgb remarks error')
Work.__new__.__defaults__ = (None, None, None, (), None)
Work.__doc__ = """A `Job` and how far it is.

size: (height, width) of its picture, as soon as it is known
picture: what was read, until it is written
rgb: what the network is given, and then what it made of that
remarks: sentences about what of the file is not in the result
error: the `UserError` that ended it
"""


def _step(function):
    """A method that takes a `Work` one step on, unless it failed before or does so now."""
    @functools.wraps(function)
    def step(self, work):
        if work.error:
            return work
        try:
            return function(self, work)
        except UserError as error:
            return work._replace(picture=None, rgb=None, error=error)
        except MemoryError:
            return _out_of_memory(work)

    return step


def _out_of_memory(work):
    return work._replace(picture=None, rgb=None, error=UserError(
        '%s: takes more memory than there is' % work.job.source))


class Pipeline:
    """Enlarges pictures by an `Upscaler`.

    batch: how many pictures of one size are computed together
    quality: of JPEG and WebP files
    max_megapixels, keep_truncated: as `read_picture` takes them
    standard_input, standard_output: the binary files that '-' stands for
    show: called as `show(pixels computed, all pixels, source of the last)`
    """

    def __init__(self, upscaler, scale, batch=1, quality=DEFAULT_QUALITY,
                 max_megapixels=MAX_MEGAPIXELS, keep_truncated=False, standard_input=None,
                 standard_output=None, show=None):
        self._upscaler = upscaler
        self._scale = scale
        self._batch = batch
        self._quality = quality
        self._max_megapixels = max_megapixels
        self._keep_truncated = keep_truncated
        self._standard_input = standard_input
        self._standard_output = standard_output
        self._show = show or (lambda *_: None)

    def run(self, jobs):
        """Yields each job's `Work` when it has ended.

        A picture that cannot be enlarged does not stop the others; a disk that is full does.
        """
        works = list(computed_ahead(self._measure, map(Work, jobs)))
        if self._batch > 1:
            works.sort(key=lambda work: work.size or (0, 0))
        budget = memory.available() // 4 // BYTES_A_PIXEL
        read = computed_ahead(self._read, works, _pixels, budget)
        computed = self._compute(read, sum(map(_pixels, works)))
        for work in computed_ahead(self._write, computed, self._result_pixels, budget):
            if getattr(getattr(work.error, '__cause__', None), 'errno', None) in HOPELESS:
                raise work.error
            yield work

    @_step
    def _measure(self, work):
        return work._replace(size=read_size(self._source(work.job)))

    @_step
    def _read(self, work):
        target = work.job.target
        if os.path.isdir(target):
            raise UserError('%s: is a folder, and a file is wanted' % target)
        picture = read_picture(self._source(work.job), self._max_megapixels, self._keep_truncated)
        known = _format(work.job, picture)
        self._require_memory(work, room.needed(picture, known, self._scale))
        try:
            require_room(picture, known, self._scale)
        except Unusable as error:
            raise UserError('%s: %s' % (self._source(work.job), error)) from error
        return work._replace(picture=picture, rgb=for_network(picture), remarks=picture.remarks)

    def _compute(self, works, all_pixels):
        computed = 0
        for batch in self._batches(works):
            if batch[0].error:
                yield from batch
                continue
            show = functools.partial(self._show_part, computed, all_pixels, batch)
            yield from self._compute_batch(batch, show)
            computed += sum(map(_pixels, batch))

    def _compute_batch(self, batch, show):
        show(0, 1)
        height, width, _ = batch[0].rgb.shape
        try:
            outs = [np.empty((height * self._scale, width * self._scale, 3), work.rgb.dtype)
                    for work in batch]
            self._upscaler.enlarge_all([work.rgb for work in batch], self._scale, outs, show)
        except MemoryError:
            return list(map(_out_of_memory, batch))
        return [work._replace(rgb=out) for work, out in zip(batch, outs)]

    def _show_part(self, computed, all_pixels, batch, part, parts):
        self._show(computed + sum(map(_pixels, batch)) * part / parts, all_pixels,
                   batch[-1].job.source)

    @_step
    def _write(self, work):
        picture = enlarged(work.picture, work.rgb, self._scale)
        known = _format(work.job, work.picture)
        try:
            with self._target(work.job) as file:
                write_picture(file, picture, known, self._quality)
        except Unusable as error:
            raise UserError('%s: %s' % (work.job.target, error)) from error
        return work._replace(picture=None, rgb=None)

    @contextlib.contextmanager
    def _target(self, job):
        """The open file, which is whole or absent in the end."""
        if job.target != STANDARD:
            with whole_or_absent(job.target) as temporary, open(temporary, 'wb') as file:
                yield file
            return
        encoded = io.BytesIO()
        yield encoded
        try:
            self._standard_output.write(encoded.getbuffer())
            self._standard_output.flush()
        except OSError as error:
            raise UserError('standard output: cannot be written: %s' % error.strerror) from error

    def _source(self, job):
        return self._standard_input if job.source == STANDARD else job.source

    def _batches(self, works):
        """Lists of works whose pictures are alike, as they come; failed ones among themselves."""
        for _, alike in itertools.groupby(works, lambda work: work.error or (
                work.rgb.shape, work.rgb.dtype)):
            yield from iter(lambda group=alike: list(itertools.islice(group, self._batch)), [])

    def _require_memory(self, work, needed):
        free = memory.available()
        if needed > free:
            raise UserError('%s: would take %.1f GB of memory, and %.1f GB are free'
                            % (self._source(work.job), needed / 1e9, free / 1e9))

    def _result_pixels(self, work):
        return _pixels(work) * self._scale ** 2


def _format(job, picture):
    """The `Format` to write: PNG where neither the job nor the picture says one."""
    return FORMATS[job.format or picture.format or 'png']


def _pixels(work):
    return work.size[0] * work.size[1] if work.size else 0

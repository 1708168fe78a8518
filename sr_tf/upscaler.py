"""A trained network as a function of an image; what `sr_tf.load` returns."""
import copy
import os

import numpy as np

import models
from sr_tf import checkpoint, pretrained
from sr_tf.chips.session import Chip
from sr_tf.engines import EXPORTED
from sr_tf.engines.selection import open_network
from sr_tf.engines.sources import CheckpointSource, FileSource
from sr_tf.ensemble import mean_over_turns
from sr_tf.errors import UsageError, UserError
from sr_tf.images import resize
from sr_tf.scales import in_words
from sr_tf.tiling import Tiling


def load(path, chip='auto', precision='auto', tile='auto', self_ensemble=False, engine=None,
         scale=None, hyper_parameters=None):
    """An `Upscaler` from a checkpoint, a run's folder, a prefix or one of its files, from an ONNX
    file that `export.py` wrote, or, by the name of a model, from the weights that come along.

    `scale` is then what pictures are enlarged by where nothing else is said.
    `engine` is one of `sr_tf.engines.ENGINES`, by default 'tf', and 'auto' for an ONNX file.
    `tile` and `self_ensemble` are the `Upscaler`'s. `hyper_parameters`, a mapping, or a function
    of the model that gives one, are needed only for checkpoints of other programs, where shapes do
    not tell them, such as BSRN's `recursions`.
    """
    path = os.fspath(path)
    if not isinstance(chip, Chip):
        chip = Chip(chip, precision)
    if pretrained.is_name(path):
        path = pretrained.find(path, () if scale is None else [scale])
    if path.endswith(EXPORTED):
        source = FileSource(path)
    else:
        prefix = checkpoint.resolve(path)
        source = CheckpointSource(prefix, read_model(prefix, hyper_parameters))
    network = open_network(
        engine or source.usual_engine, source, chip,
        lambda network, picture: Upscaler(source.model, network)(picture, source.model.scales[0]))
    return Upscaler(source.model, network, tile, self_ensemble, source.name, scale)


def read_model(prefix, hyper_parameters=None):
    """The model that a checkpoint belongs to, from its JSON or else from its shapes."""
    metadata = checkpoint.read_metadata(prefix)
    if metadata:
        return models.find(metadata['model'])(
            metadata['scales'], **metadata['hyper_parameters']).changed(hyper_parameters)
    model = models.recognise(checkpoint.read_shapes(prefix))
    if model is None:
        raise UserError('%s: its variables are those of no model here (%s)'
                        % (prefix, ', '.join(models.names())))
    return model.changed(hyper_parameters)


class Upscaler:
    """Enlarges pictures by a `Network`; several threads may share one.

    As a context manager it closes itself.

    tile: the largest side, in pixels of the picture given, of the windows that it is computed in;
        'auto' chooses it by the memory that is free, and None or 0 computes it whole.
    self_ensemble: whether a picture is the mean of what its eight flips and rotations give.
    checkpoint: what messages and reports call it.
    scale: the usual one, where a model has several.
    """

    def __init__(self, model, network, tile='auto', self_ensemble=False, checkpoint=None,
                 scale=None):
        self.model = model
        self.checkpoint = checkpoint
        self._usual_scale = None if scale is None else self.require_scale(scale)
        self._network = network
        self._tiling = Tiling(model, network, tile)
        self._self_ensemble = self_ensemble
        self._enlarge = resize.upscale

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def scales(self):
        return self.model.scales

    def __call__(self, image, scale=None, out=None, progress=None):
        """The picture enlarged, float32 and not rounded, in the range of what was given.

        `image` is `[H, W, 3]`: uint8, uint16, or floating point in 0..255.  The result is written
        into `out` when that is given, rounded and clipped if it is of integers.
        `progress(done, total)` is called after each window.
        """
        return self.enlarge_all([image], scale, None if out is None else [out], progress)[0]

    def enlarge_all(self, images, scale=None, outs=None, progress=None):
        """The same for a list of images of one size and type, computed together."""
        scale = self.require_scale(scale)
        height, width = _require_alike(images)
        if outs is None:
            outs = [np.empty((height * scale, width * scale, 3), np.float32) for _ in images]
        for place, numbers, results in self._computed(
                images, scale, lambda *given: [self._network.images(*given)], progress):
            for number, picture in zip(numbers, results[0]):
                _write(outs[number][place], picture)
        return outs

    def outputs(self, image, scale=None):
        """A picture from each of the network's outputs; `__call__` gives them combined."""
        scale = self.require_scale(scale)
        height, width = _require_alike([image])
        outs = []
        for place, _, results in self._computed([image], scale, self._network.outputs):
            outs = outs or [np.empty((height * scale, width * scale, 3), np.float32)
                            for _ in results]
            for out, pictures in zip(outs, results):
                _write(out[place], pictures[0])
        return outs

    def reading(self, enlarge):
        """The same upscaler, but `enlarge(image, scale)` makes what its model reads enlarged.

        Without it that is the bicubic of papers.  Other models read pictures as they are.
        """
        other = copy.copy(self)
        other._enlarge = enlarge
        return other

    def network(self, batch, scale=None):
        """The list of raw outputs for a float32 `[N, H, W, C]` batch in the model's own space."""
        return self._network.outputs(batch, self.require_scale(scale))

    def require_scale(self, scale):
        """The scale, or for None the usual or only one; an error that lists those there are."""
        scale = self._usual_scale if scale is None else scale
        if scale is None and len(self.scales) == 1:
            return self.scales[0]
        if scale not in self.scales:
            raise UsageError('%s: %s is for %s' % (
                '--scale is missing' if scale is None else '--scale=%s' % scale, self.checkpoint,
                in_words(self.scales)))
        return scale

    def close(self):
        self._network.close()

    def _computed(self, images, scale, compute, progress=None):
        """Yields what `compute(batch, scale)` gives for parts of some of the images.

        Each is where it belongs in the enlarged pictures, the numbers of the images, and, for each
        of the results, an array of pictures.
        """
        windows, at_once = self._tiling.windows(*images[0].shape[:2], scale)
        for done, window in enumerate(windows, 1):
            kept = (slice(None),) + window.kept(scale)
            for first in range(0, len(images), at_once):
                numbers = range(first, min(first + at_once, len(images)))
                parts = np.stack([images[number][window.source()] for number in numbers])
                results = self._enlarged(parts, scale, compute)
                yield window.place(scale), numbers, [result[kept] for result in results]
            if progress:
                progress(done, len(windows))

    def _enlarged(self, images, scale, compute):
        """What `compute(batch, scale)` gives for whole images, as RGB in the images' range."""
        unit = 257.0 if images.dtype == np.uint16 else 1.0
        bicubic = None
        if self.model.input_is_enlarged:
            bicubic = np.stack([self._enlarge(image, scale) for image in images]) / unit
        rgb = images / unit if bicubic is None else bicubic
        batch = self.model.from_rgb(rgb.astype(np.float32))
        if self._self_ensemble:
            results = mean_over_turns(lambda turned: compute(turned, scale), batch)
        else:
            results = compute(batch, scale)
        return [self.model.to_rgb(result, bicubic) * unit for result in results]


def _require_alike(images):
    """The height and width of RGB images that are all alike."""
    shape = images[0].shape
    if len(shape) != 3 or shape[2] != 3:
        raise ValueError('an image of shape [H, W, 3] is wanted, not %s' % (shape,))
    if any(image.shape != shape or image.dtype != images[0].dtype for image in images):
        raise ValueError('images of one size and type are wanted')
    return shape[:2]


def _write(out, picture):
    if np.issubdtype(out.dtype, np.integer):
        picture = np.clip(np.rint(picture), 0, np.iinfo(out.dtype).max)
    out[...] = picture

"""A trained network as a function of an image; what `sr_tf.load` returns."""
import numpy as np

import models
from sr_tf import checkpoint
from sr_tf.chips.session import Chip
from sr_tf.ensemble import mean_over_turns
from sr_tf.errors import UsageError, UserError
from sr_tf.images import resize
from sr_tf.network import GraphNetwork


def load(path, chip='auto', precision='auto', self_ensemble=False, **hyper_parameters):
    """An `Upscaler` from a checkpoint: a run's folder, a prefix, or one of its files.

    With `self_ensemble` each picture is the mean of what its eight flips and rotations give.
    `hyper_parameters` are needed only for checkpoints of other programs, where shapes do not tell
    them, such as BSRN's `recursions`.
    """
    if not isinstance(chip, Chip):
        chip = Chip(chip, precision)
    prefix = checkpoint.resolve(path)
    model = read_model(prefix, hyper_parameters)
    network = GraphNetwork(model, chip)
    network.restore(prefix)
    return Upscaler(model, network, self_ensemble, checkpoint=prefix)


def read_model(prefix, hyper_parameters=None):
    """The model that a checkpoint belongs to, from its JSON or else from its shapes."""
    metadata = checkpoint.read_metadata(prefix)
    if metadata:
        model = models.find(metadata['model'])
        return model(metadata['scales'],
                     **dict(metadata['hyper_parameters'], **(hyper_parameters or {})))
    model = models.recognise(checkpoint.read_shapes(prefix))
    if model is None:
        raise UserError('%s: its variables are those of no model here (%s)'
                        % (prefix, ', '.join(models.names())))
    return type(model)(model.scales, **dict(model.hyper_parameters, **(hyper_parameters or {})))


class Upscaler:
    """Enlarges pictures by a network.

    network: computes batches in the model's own space: `images(batch, scale)`, the pictures,
        `outputs(batch, scale)`, the list of the model's outputs, and `close()`.
    self_ensemble: whether a picture is the mean of what its eight flips and rotations give.
    checkpoint: what messages and reports call it.
    """

    def __init__(self, model, network, self_ensemble=False, checkpoint=None):
        self.model = model
        self.checkpoint = checkpoint
        self._network = network
        self._self_ensemble = self_ensemble

    @property
    def scales(self):
        return self.model.scales

    def __call__(self, image, scale=None):
        """The picture enlarged, float32 and not rounded, in the range of what was given.

        `image` is `[H, W, 3]`: uint8, uint16, or floating point in 0..255.
        """
        return self.enlarge_all([image], scale)[0]

    def enlarge_all(self, images, scale=None):
        """The same for a list of images of one size and type, computed as one batch."""
        return self._enlarged(images, scale, lambda *given: [self._network.images(*given)])[0]

    def outputs(self, image, scale=None):
        """A picture from each of the network's outputs; `__call__` gives them combined."""
        return [images[0] for images in self._enlarged([image], scale, self._network.outputs)]

    def network(self, batch, scale=None):
        """The list of raw outputs for a float32 `[N, H, W, C]` batch in the model's own space."""
        return self._network.outputs(batch, self._require_scale(scale))

    def close(self):
        self._network.close()

    def _enlarged(self, images, scale, compute):
        """For each of the results that `compute(batch, scale)` gives, a list of pictures."""
        scale = self._require_scale(scale)
        images = np.stack(images)
        if images.ndim != 4 or images.shape[3] != 3:
            raise ValueError('an image of shape [H, W, 3] is wanted, not %s' % (images.shape[1:],))
        unit = 257.0 if images.dtype == np.uint16 else 1.0
        bicubic = None
        if self.model.input_is_enlarged:
            bicubic = np.stack([resize.upscale(image, scale) for image in images]) / unit
        rgb = images / unit if bicubic is None else bicubic
        batch = self.model.from_rgb(rgb.astype(np.float32))
        if self._self_ensemble:
            results = mean_over_turns(lambda turned: compute(turned, scale), batch)
        else:
            results = compute(batch, scale)
        return [list((self.model.to_rgb(result, bicubic) * unit).astype(np.float32))
                for result in results]

    def _require_scale(self, scale):
        if scale is None and len(self.scales) == 1:
            return self.scales[0]
        if scale not in self.scales:
            raise UsageError('--scale=%s: %s is for %s' % (
                scale, self.checkpoint, ', '.join('x%d' % known for known in self.scales)))
        return scale

"""Writes a checkpoint in the formats of other programs, each under its name once it is proven."""
import os
from collections import namedtuple

import numpy as np

from sr_tf import pretrained
from sr_tf.chips.session import Chip
from sr_tf.engines import runtimes
from sr_tf.errors import UserError
from sr_tf.exporting import ascend, tensorflow_files, weights_alone
from sr_tf.exporting.check import SIZES, largest_difference
from sr_tf.graphs import exported, onnx_file, probe, trained
from sr_tf.scales import in_words
from sr_tf.upscaler import load
from sr_tf.whole_file import whole_or_absent

Exported = namedtuple('Exported', 'path difference note')
Exported.__doc__ = """What was written, its largest difference from the checkpoint on a scale of
0..255, and what else there is to say, or ''."""


class Exporter:
    """Exports an `Upscaler` that was loaded from a checkpoint.

    scale: of what is exported, but that of weights alone are all of the model's.
    pixels: see `pictures.build`.
    sizes, chip: what an om takes and what it is for (see `ascend.write`).
    """

    def __init__(self, upscaler, scale, pixels='uint8', opset=trained.OPSET, sizes=(),
                 chip='Ascend310'):
        self._upscaler = upscaler
        self._model = upscaler.model
        self._scale = scale
        self._pixels = pixels
        self._opset = opset
        self._sizes = sizes
        self._chip = chip
        self._name = '%s_x%d' % (self._model.name(), scale)
        if pixels != 'uint8':
            self._name += '_' + pixels

    def write(self, form, folder):
        """Makes one of `FORMATS` in a folder, as an `Exported`."""
        return getattr(self, '_write_' + form)(os.path.join(folder, self._name))

    def _write_saved_model(self, path):
        # TF Serving wants the number of a version.
        return self._write(os.path.join(path, '1'), tensorflow_files.write_saved_model,
                           tensorflow_files.open_saved_model)

    def _write_frozen(self, path):
        return self._write(path + '.pb', tensorflow_files.write_frozen,
                           tensorflow_files.open_frozen)

    def _write(self, path, write, opened):
        with whole_or_absent(path) as temporary:
            write(temporary, self._graph(self._pixels))
            difference = self._proven(path, self._pixels, opened(temporary))
        return Exported(path, difference, '')

    def _write_onnx(self, path):
        path += '.onnx'
        runtime = next(filter(runtimes.is_installed, runtimes.RUNTIMES), 'onnxruntime')
        graph, inner = trained.onnx_graph(self._upscaler.checkpoint, self._model, self._scale,
                                          self._pixels, self._opset)
        message = onnx_file.encode(exported.described(
            graph, self._model, self._scale, self._pixels, inner,
            exported.proof_of(self._upscaler, self._scale)))
        run = runtimes.RUNTIMES[runtime](message)
        with whole_or_absent(path) as temporary:
            with open(temporary, 'wb') as file:
                file.write(message)
            difference = self._proven(path, self._pixels, lambda batch: run(batch)[0])
        return Exported(path, difference, 'computed by ' + runtime)

    def _write_om(self, path):
        path += '_om'
        of_bytes = self._pixels == 'uint8'
        pixels = 'whole' if of_bytes else self._pixels
        channels = self._model.channels if pixels == 'bare' else 3
        with whole_or_absent(path) as temporary:
            graph = ascend.write(temporary, self._name, self._graph(pixels), channels,
                                 self._sizes, self._chip, of_bytes)
            difference = self._proven(path, pixels, tensorflow_files.open_frozen(graph))
            converted = ascend.convert(temporary)
        note = 'the difference is that of the graph' + (
            '' if converted else '; atc is not installed here: run %s where it is'
            % os.path.join(path, ascend.COMMAND))
        return Exported(path, difference, note)

    def _write_checkpoint(self, path):
        """Of the weights alone, averaged ones if there are any, at all scales."""
        path = os.path.join(os.path.dirname(path), pretrained.name_of(self._model))
        source = self._upscaler.checkpoint
        with weights_alone.written(path, source, self._model) as prefix, \
                load(prefix, Chip('cpu', 'fp32')) as opened:
            difference = max(self._proven(
                path, 'float', lambda batch, to=scale: np.stack(opened.enlarge_all(batch, to)),
                scale) for scale in self._model.scales)
        return Exported(path, difference, 'at %s' % in_words(self._model.scales))

    def _graph(self, pixels):
        return trained.frozen_graph(self._upscaler.checkpoint, self._model, self._scale, pixels)

    def _proven(self, path, pixels, run, scale=None):
        difference = largest_difference(self._upscaler, scale or self._scale, pixels, run)
        if not difference <= probe.TOLERANCE:
            raise UserError('%s: not written: its pictures differ from the checkpoint\'s by up to '
                            '%g of 255, on images of %s' % (path, difference, sizes_in_words()))
        return difference


def sizes_in_words():
    return ', '.join('%dx%d' % size for size in SIZES)

"""Writes a checkpoint for other programs: SavedModel, frozen graph, ONNX, Ascend's om."""
from sr_tf import cli, flags
from sr_tf.chips.session import Chip
from sr_tf.errors import UsageError
from sr_tf.exporting.exporter import Exporter, sizes_in_words
from sr_tf.upscaler import load

FLAGS = flags.FLAGS


def main(arguments):
    cli.refuse_arguments(arguments)
    formats = flags.export_formats()
    folder = flags.required('output_path')
    sizes = flags.om_sizes(formats)
    # What is exported computes in float32, whatever chip trained it.
    upscaler = load(flags.required('restore_path'), Chip('cpu', 'fp32'),
                    **flags.given_hyper_parameters())
    exporter = Exporter(upscaler, chosen_scale(upscaler), FLAGS.pixels, FLAGS.opset,
                        sizes, FLAGS.om_chip)
    for form in formats:
        exported = exporter.write(form, folder)
        print('%s: at most %.2g of 255 from the checkpoint, on images of %s%s'
              % (exported.path, exported.difference, sizes_in_words(),
                 exported.note and '; ' + exported.note), flush=True)


def chosen_scale(upscaler):
    if FLAGS.scale is None and len(upscaler.scales) > 1:
        raise UsageError('--scale is missing: %s is for %s; each is exported by itself'
                         % (upscaler.checkpoint, in_words(upscaler.scales)))
    scale = FLAGS.scale or upscaler.scales[0]
    if scale not in upscaler.scales:
        raise UsageError('--scale=%d: %s is for %s' % (scale, upscaler.checkpoint,
                                                       in_words(upscaler.scales)))
    return scale


def in_words(scales):
    return ', '.join('x%d' % scale for scale in scales)


if __name__ == '__main__':
    cli.run(main, flags.define_export, __doc__)

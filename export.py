"""Writes a checkpoint for other programs: SavedModel, frozen graph, ONNX, Ascend's om."""
from sr_tf import cli, flags
from sr_tf.chips.session import Chip
from sr_tf.engines import EXPORTED
from sr_tf.errors import UsageError
from sr_tf.exporting.exporter import Exporter, sizes_in_words
from sr_tf.upscaler import load

FLAGS = flags.FLAGS


def main(arguments):
    cli.refuse_arguments(arguments)
    formats = flags.export_formats()
    folder = flags.required_place('output_path')
    sizes = flags.om_sizes(formats)
    # What is exported computes in float32, whatever chip trained it.
    path = flags.weights_path()
    if path.endswith(EXPORTED):
        raise UsageError('%s: is exported already; name the checkpoint that it was made of' % path)
    upscaler = load(path, Chip('cpu', 'fp32'), scale=FLAGS.scale,
                    hyper_parameters=flags.given_hyper_parameters)
    needs_scale = formats != ['checkpoint']
    scale = upscaler.require_scale(FLAGS.scale) if needs_scale else upscaler.scales[0]
    exporter = Exporter(upscaler, scale, FLAGS.pixels, FLAGS.opset, sizes, FLAGS.om_chip)
    for form in formats:
        exported = exporter.write(form, folder)
        print('%s: at most %.2g of 255 from the checkpoint, on images of %s%s'
              % (exported.path, exported.difference, sizes_in_words(),
                 exported.note and '; ' + exported.note), flush=True)


if __name__ == '__main__':
    cli.run(main, flags.define_export, __doc__)

"""Makes a checkpoint of this suite from weights that another program trained.

The input is a PyTorch or MindSpore file or a checkpoint of tf-bsrn-sr; nothing in it is run.
"""
import sys

from sr_tf import cli, flags
from sr_tf.weights.importer import import_weights

FLAGS = flags.FLAGS


def main(arguments):
    cli.refuse_arguments(arguments)
    path = flags.required('input')
    target = flags.required_place('output_path')
    imported = import_weights(path, target, FLAGS.model, flags.scales(),
                              flags.given_hyper_parameters)
    for warning in imported.warnings:
        print('warning: %s: %s' % (path, warning), file=sys.stderr)
    for name in imported.unused:
        print('not used: %s' % name)
    print('%s: %s' % (path, describe(imported.model)))
    print('done: %s' % imported.prefix)


def describe(model):
    """Such as 'rcan x2, num_features 64, num_rg 10'."""
    scales = ' '.join('x%d' % scale for scale in model.scales)
    return ', '.join(['%s %s' % (model.name(), scales)] + [
        '%s %s' % item for item in model.hyper_parameters.items()])


if __name__ == '__main__':
    cli.run(main, flags.define_import, __doc__)

"""What the plug-in of the NPU is told."""
from absl import flags

from sr_tf.chips import npu_options

FLAGS = flags.FLAGS


def define_npu():
    flags.DEFINE_string('npu_precision_mode', None, 'The plug-in\'s own name for the precision: %s.'
                        % npu_options.OPTIONS['precision_mode'].wanted)
    flags.DEFINE_string('npu_profiling', None, 'A folder for the profile of the NPU.')
    flags.DEFINE_string('npu_dump_path', None,
                        'A folder for what each operation of the NPU computes.')
    flags.DEFINE_string('npu_fusion_switch_file', None,
                        'A JSON file that turns fusions on the NPU on and off.')
    flags.DEFINE_string('npu_auto_tune', None, 'How the plug-in tunes its kernels: %s.'
                        % npu_options.OPTIONS['auto_tune_mode'].wanted)
    flags.DEFINE_multi_string('npu_option', [], 'Any option of the plug-in, as key=value; may be '
                              'given several times.')
    flags.DEFINE_boolean('npu_verify', False,
                         'Fail in the end unless the plug-in said that it compiled the network.')


def given_options():
    """What the command line says to the plug-in of the NPU, by the plug-in's keys."""
    options = {}
    for key, value in (('precision_mode', FLAGS.npu_precision_mode),
                       ('auto_tune_mode', FLAGS.npu_auto_tune),
                       ('fusion_switch_file', FLAGS.npu_fusion_switch_file)):
        if value is not None:
            options[key] = value
    if FLAGS.npu_profiling is not None:
        options.update(npu_options.profiling(FLAGS.npu_profiling))
    if FLAGS.npu_dump_path is not None:
        options.update(npu_options.dump(FLAGS.npu_dump_path))
    return dict(options, **npu_options.parse(FLAGS.npu_option))

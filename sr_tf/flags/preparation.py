"""The flags of prepare.py."""
from absl import flags

import models
from sr_tf.flags.data import define_data, define_pack_path


def define_preparation():
    define_data('The scales of the low-resolution images. Default: those of the model, or 2,3,4.')
    define_pack_path()
    flags.DEFINE_enum('model', None, models.names(),
                      'What will train on the pack: SRCNN reads its images enlarged.')
    flags.DEFINE_string('output_path', None, 'The folder, or the h5 file, that is written.')
    flags.DEFINE_enum('naming', 'basic', ('basic', 'div2k'),
                      'x2/name.png as basic_loader reads it, or X2/namex2.png as div2k_loader.')
    flags.DEFINE_integer('patch_size', 96, 'The size of crops; smaller images give none.',
                         lower_bound=1)
    flags.DEFINE_integer('stride', None, 'From one crop to the next. Default: patch_size.',
                         lower_bound=1)
    flags.DEFINE_integer('num_shards', 8, 'How many TFRecord files; no more than images.',
                         lower_bound=1)
    flags.DEFINE_boolean('eval', False, 'Whole images in the h5 file, not five crops of each.')

"""The flags of import_weights.py."""
from absl import flags

import models
from sr_tf.flags.model_parameters import define_model_parameters


def define_import():
    flags.DEFINE_enum('model', None, models.names(),
                      'The architecture. Default: what the weights look like.')
    flags.DEFINE_string('input', None, 'A PyTorch or MindSpore file, or a TensorFlow checkpoint.')
    flags.DEFINE_string('output_path', None, 'The folder that gets the checkpoint.')
    flags.DEFINE_list('scales', None, 'The scale, where the weights are the same at each.')
    define_model_parameters()

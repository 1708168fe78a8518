"""The command line: which flags there are, and what they say together.

A file for each subject and one for each script; what scripts use of them is named here.
"""
from absl.flags import FLAGS

from sr_tf.flags.chips import chip
from sr_tf.flags.common import required, required_place, scales, values
from sr_tf.flags.data import degradation, loader, pack_folder
from sr_tf.flags.enlarging import tile
from sr_tf.flags.exporting import define_export, export_formats, om_sizes
from sr_tf.flags.image_sets import test_sets
from sr_tf.flags.importing import define_import
from sr_tf.flags.model_parameters import given_hyper_parameters, hyper_parameters
from sr_tf.flags.networks import weights_path
from sr_tf.flags.prediction import define_prediction
from sr_tf.flags.preparation import define_preparation
from sr_tf.flags.recipes import (
    RECIPE,
    in_steps,
    loss_scale,
    model_scales,
    patch_sizes,
    recipe,
    schedule,
)
from sr_tf.flags.training import (
    define_training,
    profile,
    refuse_platform,
    start_path,
    step_timeout,
)
from sr_tf.flags.validation import define_scoring, scoring

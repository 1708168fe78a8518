"""The hyper-parameters of every model."""
from absl import flags

import models
from sr_tf.errors import UsageError

FLAGS = flags.FLAGS


def define_model_parameters():
    """A flag for every hyper-parameter of every model, and the names that their users know."""
    for name in models.names():
        model = models.find(name)
        for parameter, value in model.hyper_parameters.items():
            _define(name + '_' + parameter, value, '%s hyper-parameter.' % name)
        for alias, flag in model.flag_aliases.items():
            if flag in FLAGS:
                flags.DEFINE_alias(alias, flag)


def hyper_parameters(model):
    """A model's hyper-parameters from its flags."""
    return {parameter: _value(_flag(model, parameter), usual)
            for parameter, usual in model.hyper_parameters.items()}


def given_hyper_parameters(model):
    """Those that are on the command line."""
    return {parameter: value for parameter, value in hyper_parameters(model).items()
            if FLAGS[_flag(model, parameter)].present}


def _flag(model, parameter):
    return '%s_%s' % (model.name(), parameter)


def _define(name, value, text):
    if isinstance(value, bool):
        flags.DEFINE_boolean(name, value, text)
    elif isinstance(value, int):
        flags.DEFINE_integer(name, value, text, lower_bound=0)
    elif isinstance(value, tuple):
        flags.DEFINE_list(name, [str(number) for number in value], text)
    else:
        flags.DEFINE_float(name, value, text)


def _value(flag, like):
    value = getattr(FLAGS, flag)
    if not isinstance(like, tuple):
        return value
    try:
        numbers = tuple(float(number) for number in value)
    except ValueError:
        numbers = ()
    if len(numbers) != len(like):
        raise UsageError('--%s=%s: needs %d numbers' % (flag, ','.join(value), len(like)))
    return numbers

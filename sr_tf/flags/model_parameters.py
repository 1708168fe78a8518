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


def hyper_parameters(model, given_only=False):
    """A model's hyper-parameters from its flags."""
    names = {parameter: '%s_%s' % (model.name(), parameter) for parameter in model.hyper_parameters}
    return {parameter: _value(flag, model.hyper_parameters[parameter])
            for parameter, flag in names.items() if FLAGS[flag].present or not given_only}


def given_hyper_parameters():
    """Those that are on the command line, of whichever model."""
    given = {}
    for name in models.names():
        given.update(hyper_parameters(models.find(name), given_only=True))
    return given


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

"""What the flags of all scripts are asked for."""
from absl import flags

from sr_tf.errors import UsageError
from sr_tf.paths import is_utf8

FLAGS = flags.FLAGS


def required(name):
    value = getattr(FLAGS, name)
    if not value:
        # absl puts the choices of an enumeration before its help.
        raise UsageError('--%s is missing: %s' % (name, FLAGS[name].help.split('>: ')[-1]))
    return value


def required_place(name):
    """Where TensorFlow writes to, which knows no other names than those in UTF-8."""
    value = required(name)
    if not is_utf8(value):
        raise UsageError('--%s=%s: is not in UTF-8, which TensorFlow needs; name another place'
                         % (name, value))
    return value


def integers(flag):
    """The numbers of a list flag, or None when it is not given."""
    value = getattr(FLAGS, flag)
    try:
        numbers = tuple(int(number) for number in value or ())
    except ValueError:
        numbers = (0,)
    if numbers and min(numbers) < 1:
        raise UsageError('--%s=%s: are whole numbers from 1 on, such as 2,3,4'
                         % (flag, ','.join(value)))
    return tuple(sorted(set(numbers))) or None


def scales(default=None):
    return integers('scales') or default


def values():
    """All flags that this package defined and their values, for whoever wants to know later."""
    return {flag.name: flag.value for module, defined in FLAGS.flags_by_module_dict().items()
            if module.startswith(__package__ + '.') for flag in defined}

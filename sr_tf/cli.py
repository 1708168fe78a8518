"""Runs a script: its flags are parsed, and a failure becomes one line and an exit code."""
import os
import re
import sys
import traceback
import warnings

from absl import flags

from sr_tf.errors import UsageError, UserError
from sr_tf.streams import make_usable, to_nowhere

FLAGS = flags.FLAGS


def run(main, define, description):
    """Calls `define()`, parses the command line and exits with what `main(arguments)` returns.

    `arguments` are the words that are not flags.
    """
    make_usable()
    # Pillow warns of metadata that are damaged, and then does without them.
    warnings.filterwarnings('ignore', module='PIL')
    define()
    _define_help()
    script = _script()
    code = 0
    try:
        arguments = _parse(sys.argv)
        asks_help = FLAGS.help or FLAGS.helpfull
        code = (_print_help(script, description) if asks_help else main(arguments)) or 0
        _flush()
    except BrokenPipeError:
        pass  # Whoever read our output, such as `head`, has seen enough.
    except (Exception, KeyboardInterrupt) as error:
        if FLAGS.is_parsed() and FLAGS.debug:
            traceback.print_exc()
        print('%s: error: %s' % (script, _one_line(error)), file=sys.stderr)
        code = getattr(error, 'exit_code', 2 if isinstance(error, flags.Error) else 1)
    _give_up_what_is_left()
    sys.exit(code)


def _flush():
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError('standard output: cannot be written: %s' % error.strerror) from error


def _give_up_what_is_left():
    """Of the output, if nobody takes it: Python would try once more, and show how it fails."""
    try:
        sys.stdout.flush()
    except OSError:
        to_nowhere(sys.stdout.fileno())


def refuse_arguments(arguments):
    if arguments:
        raise UsageError('%r: flags are written --name=value, with two dashes' % arguments[0])


def _script():
    """What stands behind `python` on the command line: a file, or -m and a module."""
    spec = sys.modules['__main__'].__spec__
    if spec is None:
        return os.path.basename(sys.argv[0])
    return '-m ' + re.sub(r'\.__main__$', '', spec.name)


def _define_help():
    flags.DEFINE_boolean('debug', False, 'Show the traceback of a failure.')
    flags.DEFINE_boolean('help', False, 'Show the flags of this script.', short_name='h')
    flags.DEFINE_boolean('helpfull', False, 'Show these flags and those of each model.')


def _parse(argv):
    # Behind '--' is another command, with flags of its own.
    own = argv[:argv.index('--')] if '--' in argv else argv
    asks_help = {'-h', '--help', '--helpfull'} & set(own)
    if asks_help:
        # Whatever else is on the line may be what the user needs help with.
        argv = argv[:1] + sorted(asks_help)
    return FLAGS(argv)[1:]


def _print_help(script, description):
    import models
    prefixes = () if FLAGS.helpfull else tuple(name + '_' for name in models.names())
    print('%s: %s\n\nusage: python %s [--flag=value ...]\n' % (script, description.strip(), script))
    for name in sorted(FLAGS):
        flag = FLAGS[name]
        if name != flag.name or name.startswith(prefixes or '\0') or name in ('undefok',):
            continue
        is_empty = flag.default is False or flag.default in (None, '', [])
        default = '' if is_empty else ' [%s]' % flag.default_as_str
        print('  --%s%s\n      %s' % (name, default.replace("'", ''), flag.help))
    if not FLAGS.helpfull:
        print('\n--helpfull also shows the flags of each model.')


def _one_line(error):
    if isinstance(error, KeyboardInterrupt):
        return 'interrupted'
    if isinstance(error, OSError) and error.filename:
        return '%s: %s' % (error.filename, error.strerror)
    line = ' '.join(str(error).split())
    if isinstance(error, (UserError, flags.Error, OSError)):
        return line
    return '%s: %.300s (--debug shows where)' % (type(error).__name__, line)

"""Failures that a user can mend; scripts print them as one line, without a traceback."""


class UserError(Exception):
    """Something the user gave cannot be used: a file, a folder, a checkpoint. Exit code 1."""

    exit_code = 1


class UsageError(UserError):
    """A flag is missing, unknown or has a value that makes no sense. Exit code 2."""

    exit_code = 2


def require_known(flag, value, known):
    if value not in known:
        raise UsageError('--%s=%s: there are %s' % (flag, value, ', '.join(known)))

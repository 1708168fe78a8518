"""What a table measured: rows, kept in one JSON file with all that decides what they are."""
import json
import os
import statistics
from collections import namedtuple

from sr_tf.errors import UserError
from sr_tf.whole_file import whole_or_absent

SCHEMA = 1

Row = namedtuple('Row', 'subject way unit samples settings')
Row.__doc__ = """One way to do one thing.

subject: what is done, such as 'bsrn x4'.
way: by what, such as 'sr-tf mixed' or 'PyTorch bf16'.
unit: of the samples, such as 's/step' or 'MB', of which fewer are better, or 'patches/s' and
    whatever else ends with '/s', of which more are better.
samples: a list of floats, each of them measured, in rounds in which all ways took turns.
settings: a dict of what decides the result: batch, patch, threads, layout, ...
"""

Result = namedtuple('Result', 'table title against full date machine versions load rows')
Result.__doc__ = """All rows of a table, where and when they were measured.

against: the ways, as a tuple, that others are compared with.
full: whether it is more than the summary.
load: of the machine, before and after; on an idle machine what is measured makes it all.
"""


def median(row):
    return statistics.median(row.samples)


def more_is_better(unit):
    return unit.endswith('/s')


def ratio(row, ours):
    """How many times better `ours` is than `row`: as fast, as small, or as much in a second.

    None where one of them is 0, which is infinitely better.
    """
    own, other = median(ours), median(row)
    if not own or not other:
        return None
    return own / other if more_is_better(row.unit) else other / own


def subjects(rows):
    """The rows of each subject, as a mapping of a subject and a unit to that of ways to rows."""
    found = {}
    for row in rows:
        found.setdefault((row.subject, row.unit), {})[row.way] = row
    return found


def write(path, result):
    content = dict(result._asdict(), schema=SCHEMA, rows=[
        dict(row._asdict(), median=median(row)) for row in result.rows])
    with whole_or_absent(path) as temporary, open(temporary, 'w') as file:
        json.dump(content, file, indent=1)
        file.write('\n')


def read(path):
    """The `Result` in a file that `write` wrote."""
    try:
        with open(path) as file:
            content = json.load(file)
        if content['schema'] != SCHEMA:
            raise UserError('%s: has schema %s, and this is for %d; measure again'
                            % (path, content['schema'], SCHEMA))
        rows = [Row(*(row[field] for field in Row._fields)) for row in content['rows']]
        fields = dict(content, rows=rows, against=tuple(content['against']))
        return Result(*(fields[field] for field in Result._fields))
    except OSError as error:
        raise UserError('%s: cannot be read: %s' % (path, error.strerror)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError('%s: is no result of python -m bench: %r' % (path, error)) from error


def read_folder(folder):
    """All of the `Result`s in a folder, by the names of their tables."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith('.json'))
    except OSError as error:
        raise UserError('%s: cannot be read: %s' % (folder, error.strerror)) from error
    if not names:
        raise UserError('%s: holds no results; python -m bench writes them' % folder)
    return [read(os.path.join(folder, name)) for name in names]

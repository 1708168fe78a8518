"""What a table measured as Markdown: a line for each way, with the ratios that matter."""
from bench import result
from bench.machine import in_words


def table(measured):
    """The title, the table, and a line on where and when it was measured."""
    common = _common_settings(measured.rows)
    lines = ['**%s**' % measured.title, '']
    lines += _table(measured, common)
    lines += ['', 'All: %s.' % _words(common)] if common else []
    return '\n'.join(lines + ['', provenance(measured)])


def provenance(measured):
    machine, versions = measured.machine, measured.versions
    return '%s: %s, %s GB (%s); %s; load %s before and %s after.' % (
        measured.date, in_words(machine), machine['memory'],
        ', '.join(machine['flags']), _words(versions), *measured.load)


def number(value):
    """With three digits that count."""
    return '%.0f' % value if abs(value) >= 100 else '%#.3g' % value if value else '0'


def _table(measured, common):
    """A column of ratios for each way that others are compared with."""
    differ = any(_own(row, common) for row in measured.rows)
    heads = ['', 'by', 'median', 'of'] + ['%s is better by' % way for way in measured.against]
    yield _line(heads + ['settings'] * differ)
    yield '|---' * (len(heads) + differ) + '|'
    for (subject, unit), ways in result.subjects(measured.rows).items():
        for way, row in ways.items():
            cells = [subject, way, '%s %s' % (number(result.median(row)), unit),
                     str(len(row.samples))]
            cells += [_ratio(row, ways.get(ours)) for ours in measured.against]
            yield _line(cells + [_words(_own(row, common))] * differ)


def _line(cells):
    return '| %s |' % ' | '.join(cells)


def _own(row, common):
    """Those settings of a row that not all share."""
    return {name: value for name, value in row.settings.items() if name not in common}


def _common_settings(rows):
    """Those that all rows share."""
    first = rows[0].settings if rows else {}
    return {name: value for name, value in first.items()
            if all(name in row.settings and row.settings[name] == value for row in rows)}


def _words(settings):
    return ', '.join('%s %s' % pair for pair in settings.items())


def _ratio(row, ours):
    ratio = None if ours is None or row is ours else result.ratio(row, ours)
    return '' if ratio is None else '%.2f' % ratio

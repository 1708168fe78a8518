"""How much memory this process may still take."""
import os

ASSUMED = 4 << 30  # where the system does not say

_V1 = ('sys/fs/cgroup/memory', 'memory.limit_in_bytes', 'memory.usage_in_bytes',
       'total_inactive_file')
_V2 = ('sys/fs/cgroup', 'memory.max', 'memory.current', 'inactive_file')


def available(root='/'):
    """Bytes that are free, in the machine and within the limits of a container's cgroups."""
    found = [_in_machine(root)] + [
        left for path in _own_groups(root) for files in (_V1, _V2)
        for left in _left_in_group(root, path, *files)]
    return max(0, min((left for left in found if left is not None), default=ASSUMED))


def _in_machine(root):
    for line in _lines(root, 'proc/meminfo'):
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) << 10
    return None


def _own_groups(root):
    """The paths of this process' control groups and of all that these are in."""
    # Within a container the path may be the host's, whose files are not seen; its own are at /.
    paths = {''}
    for line in _lines(root, 'proc/self/cgroup'):
        path = line.rstrip('\n').split(':', 2)[-1].strip('/')
        while path:
            paths.add(path)
            path = os.path.dirname(path)
    return sorted(paths)


def _left_in_group(root, path, mount, limit, usage, cache):
    """What may still be taken, as a list of one number, or of none where there is no limit."""
    folder = os.path.join(mount, path)
    numbers = [line.strip() for name in (limit, usage)
               for line in _lines(root, os.path.join(folder, name))]
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return []
    # What the system caches of files is counted as used, and given up when it is needed.
    cached = [int(line.split()[1]) for line in _lines(root, os.path.join(folder, 'memory.stat'))
              if line.startswith(cache + ' ')]
    return [int(numbers[0]) - int(numbers[1]) + sum(cached)]


def _lines(root, path):
    try:
        with open(os.path.join(root, path)) as file:
            return file.readlines()
    except OSError:
        return []

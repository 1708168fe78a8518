"""How many processor cores this process may use, which can be fewer than the machine has."""
import os


def usable():
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

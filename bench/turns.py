"""Measures several ways to do the same, so that whatever else a machine does slows all of them."""
import time


def take_turns(ways, rounds, warm_up=1, seconds=None):
    """The samples of each way, as a mapping of its name to a list, one sample for each round.

    ways: a mapping of names to functions that return a sample.
    warm_up: how many rounds are made first, and not counted.
    seconds: after which no other round is begun, as soon as one was counted.
    """
    samples = {name: [] for name in ways}
    began = time.perf_counter()
    for number in range(warm_up + rounds):
        is_late = seconds is not None and time.perf_counter() - began > seconds
        if is_late and number > warm_up:
            break
        for name, measure in ways.items():
            sample = measure()
            if number >= warm_up:
                samples[name].append(sample)
    return samples


def timed(function, *arguments):
    """A function that returns how many seconds `function(*arguments)` takes."""
    def measure():
        began = time.perf_counter()
        function(*arguments)
        return time.perf_counter() - began
    return measure

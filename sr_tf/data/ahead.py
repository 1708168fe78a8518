"""Work done by several threads, a few items ahead of whoever takes the results."""
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor


def computed_ahead(function, items):
    """Yields `function(item)` of each item in order; items are taken from this thread alone."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

"""Work done by several threads, a few items ahead of whoever takes the results."""
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from sr_tf import cores


def computed_ahead(function, items, cost=None, budget=0):
    """Yields `function(item)` of each item in order; items are taken from this thread alone.

    With `cost(item)`, no further item is taken while those that are ahead cost more than `budget`.
    """
    workers = cores.usable()
    waiting, spent = deque(), 0
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append((pool.submit(function, item), cost(item) if cost else 0))
                spent += waiting[-1][1]
                del item  # or it would stay in memory while the next one is made
                while waiting and (len(waiting) > 2 * workers or spent > budget):
                    future, paid = waiting.popleft()
                    spent -= paid
                    yield future.result()
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()

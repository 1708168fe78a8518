"""The self-ensemble of the papers: the mean over a picture's eight flips and rotations."""
import numpy as np

TURNS = [(flipped, quarters) for flipped in (False, True) for quarters in range(4)]


def mean_over_turns(compute, batch):
    """The list of arrays that `compute` gives for the batch, each averaged over its turns.

    Each turn is computed by itself and turned back; `compute` takes `[N, H, W, C]` and returns a
    list of such arrays, of sizes proportional to its input's.
    """
    sums = None
    for turn in TURNS:
        results = [_turned_back(result, *turn) for result in compute(_turned(batch, *turn))]
        sums = results if sums is None else [total + one for total, one in zip(sums, results)]
    return [total / len(TURNS) for total in sums]


def _turned(batch, flipped, quarters):
    turned = np.rot90(batch[:, ::-1] if flipped else batch, quarters, axes=(1, 2))
    return np.ascontiguousarray(turned)


def _turned_back(batch, flipped, quarters):
    upright = np.rot90(batch, -quarters, axes=(1, 2))
    return upright[:, ::-1] if flipped else upright

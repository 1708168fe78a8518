"""Whether one method beats another on the same images, or only seems to."""
import math
from collections import namedtuple

import numpy as np

EXACTLY = 500  # images, of which the chances of all sums of ranks take a moment

Comparison = namedtuple('Comparison', 'mean better worse t_p signed_rank_p')
Comparison.__doc__ = """Two methods' scores of the same images.

mean: of the differences, but for infinite ones; None if all are.
better, worse: on how many images the first scores higher or lower.
t_p, signed_rank_p: how probable a difference at least as clear is if neither is better, by the
    paired t-test and by Wilcoxon's signed ranks; None where a test says nothing.
"""


def compare(first, second):
    """The `Comparison` of two lists of scores, which may be infinite."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    differences = np.zeros(len(first))
    unequal = first != second  # infinity less infinity is not a number
    differences[unequal] = first[unequal] - second[unequal]
    finite = differences[np.isfinite(differences)]  # of two equal pictures the PSNR is infinite
    return Comparison(float(np.mean(finite)) if len(finite) else None, int(np.sum(differences > 0)),
                      int(np.sum(differences < 0)), t_test(differences),
                      signed_rank_test(differences))


def t_test(differences):
    """The two-sided p-value of Student's t-test of a mean of zero; None where it has none."""
    count = len(differences)
    if count < 2 or not np.isfinite(differences).all():
        return None
    deviation = np.std(differences, ddof=1)
    if deviation == 0:
        return None
    t = np.mean(differences) / deviation * math.sqrt(count)
    freedom = count - 1
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def signed_rank_test(differences):
    """The two-sided p-value of Wilcoxon's signed-rank test; None without any difference.

    Images without a difference are left out, and equal differences share their mean rank.  The
    distribution is that over all signs, so it is exact with equal ranks too; of many images it is
    the normal one that it then is close to.
    """
    differences = differences[differences != 0]
    if not len(differences):
        return None
    ranks = _doubled_ranks(np.abs(differences))
    positive = ranks[differences > 0].sum()
    if len(ranks) > EXACTLY:
        distance = abs(positive - ranks.sum() / 2)
        return math.erfc(distance / math.sqrt(np.sum(np.square(ranks, dtype=np.float64)) / 2))
    chances = np.zeros(ranks.sum() + 1)
    chances[0] = 1.0
    for rank in ranks:
        chances[rank:] = (chances[rank:] + chances[:-rank]) / 2
        chances[:rank] /= 2
    return float(min(1.0, 2 * min(chances[:positive + 1].sum(), chances[positive:].sum())))


def _doubled_ranks(values):
    """Twice the rank of each value, which is whole when equal values share the mean of theirs."""
    in_order = np.sort(values)
    below = np.searchsorted(in_order, values, 'left')
    return below + np.searchsorted(in_order, values, 'right') + 1


def _beta(x, a, b):
    """The regularized incomplete beta function, by the power series of its smaller tail."""
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta(1.0 - x, b, a)
    if x <= 0:
        return 0.0
    term = math.exp(math.lgamma(a + b) - math.lgamma(a + 1) - math.lgamma(b)
                    + a * math.log(x) + b * math.log1p(-x))
    total, step = 0.0, 0
    while term > total * 1e-17:
        total += term
        term *= x * (a + b + step) / (a + 1 + step)
        step += 1
    return total

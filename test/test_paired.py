"""The paired tests, against their definitions and against SciPy."""
import itertools
import math

import numpy as np
import pytest

from sr_tf.scoring import paired
from sr_tf.scoring.paired import compare, signed_rank_test, t_test

stats = pytest.importorskip('scipy.stats')


def differences(count, shift, seed=0):
    return np.random.RandomState(seed).randn(count) + shift


@pytest.mark.parametrize('count', [2, 3, 5, 14, 100, 328])
@pytest.mark.parametrize('shift', [0.0, 0.3, -2.0, 8.0])
def test_t_test_is_scipys(count, shift):
    values = differences(count, shift)
    expected = stats.ttest_1samp(values, 0.0).pvalue
    assert t_test(values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('count', [1, 2, 5, 14, 25])
@pytest.mark.parametrize('shift', [0.0, 0.5, -3.0])
def test_signed_rank_test_is_scipys(count, shift):
    values = differences(count, shift, seed=count)
    # Its keyword for the exact distribution is called mode, then method.
    expected = stats.wilcoxon(values, None, 'wilcox', False, 'two-sided', 'exact').pvalue
    assert signed_rank_test(values) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize('shift', [0.0, 0.02, -0.1])
def test_signed_rank_test_of_many_images_is_close_to_the_exact_one(shift, monkeypatch):
    values = np.round(differences(800, shift), 2)  # some are equal
    quick = signed_rank_test(values)
    monkeypatch.setattr(paired, 'EXACTLY', len(values))
    assert quick == pytest.approx(signed_rank_test(values), rel=0.02, abs=1e-4)


@pytest.mark.parametrize('values', [
    [1.0, 1.0, -1.0, 2.0], [0.5, -0.5, 0.5, 3.0, 3.0, -4.0, 0.5], [0.0, 0.0, 2.0, 2.0, -1.0],
    [math.inf, 1.0, -2.0, 3.0], [1.0] * 8, [-0.25],
])
def test_signed_rank_test_with_equal_ranks_counts_all_signs(values):
    values = np.array(values)
    signed = values[values != 0]
    ranks = stats.rankdata(np.abs(signed))
    sums = [sum(rank for rank, sign in zip(ranks, signs) if sign)
            for signs in itertools.product([False, True], repeat=len(ranks))]
    own = ranks[signed > 0].sum()
    expected = 2 * min(np.mean(np.array(sums) <= own), np.mean(np.array(sums) >= own))
    assert signed_rank_test(values) == pytest.approx(min(1.0, expected), rel=1e-12)


def test_where_a_test_says_nothing():
    assert t_test(np.array([0.5])) is None
    assert t_test(np.array([0.5, 0.5, 0.5])) is None
    assert t_test(np.array([1.0, math.inf])) is None
    assert signed_rank_test(np.zeros(3)) is None


def test_two_lists_of_scores():
    comparison = compare([30.0, 31.0, math.inf, 25.0], [29.0, 31.5, math.inf, 24.0])
    assert comparison.mean == 0.375
    assert (comparison.better, comparison.worse) == (2, 1)
    assert comparison.t_p == pytest.approx(stats.ttest_1samp([1, -0.5, 0, 1], 0).pvalue)
    assert comparison.signed_rank_p == pytest.approx(0.5)


def test_images_that_one_method_reproduces_are_left_out_of_the_mean():
    comparison = compare([math.inf, 30.0, 31.0], [30.0, math.inf, 30.5])
    assert (comparison.mean, comparison.better, comparison.worse) == (0.5, 2, 1)
    assert compare([math.inf], [30.0]).mean is None

"""ranks.py - the ratio of two series measured in turn, and its 95 % interval.

The same method as host/base/stats.c: the median of the pairwise means of the log ratios
(Hodges and Lehmann 1963), with the interval that belongs to Wilcoxon's signed ranks.
Below six pairs there is no such interval, and none is made up.

    python3 ranks.py     checks itself
"""

import math

ALPHA = 0.05


def signed_rank_tail(n, w):
    """P(W <= w) of the signed-rank sum of n values when up and down are alike."""
    top = n * (n + 1) // 2
    ways = [1] + [0] * top
    for rank in range(1, n + 1):
        for total in range(top, rank - 1, -1):
            ways[total] += ways[total - rank]
    return sum(ways[: w + 1]) / 2**n


def cut(n):
    """The interval runs from the k-th smallest to the k-th largest mean; 0: there is none."""
    k = 0
    while 2 * signed_rank_tail(n, k) <= ALPHA:
        k += 1
    return k


def center(values):
    """(estimate, lo, hi); lo and hi are None below six values."""
    n = len(values)
    means = sorted(
        (values[i] + values[j]) / 2 for i in range(n) for j in range(i, n)
    )
    last = len(means) - 1
    estimate = (means[last // 2] + means[(last + 1) // 2]) / 2
    k = cut(n)
    if k == 0:
        return estimate, None, None
    return estimate, means[k - 1], means[-k]


def ratio(ours, theirs):
    """Of ours over theirs, pair by pair: (estimate, lo, hi)."""
    logs = [math.log(a / b) for a, b in zip(ours, theirs)]
    return tuple(None if x is None else math.exp(x) for x in center(logs))


def median(values):
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def check():
    # Critical values of the signed-rank test, two-sided 5 %: tables of Wilcoxon (1945).
    assert [cut(n) for n in (5, 6, 7, 8, 9, 10, 25)] == [0, 1, 3, 4, 6, 9, 90]
    estimate, lo, hi = center([1, 2, 3, 4, 5, 6])
    assert (estimate, lo, hi) == (3.5, 1, 6)
    estimate, lo, hi = ratio([2, 4, 8], [1, 2, 4])
    assert abs(estimate - 2) < 1e-12 and lo is None and hi is None
    estimate, lo, hi = ratio([1.1] * 9, [1.0] * 9)
    assert abs(lo - 1.1) < 1e-12 and abs(hi - 1.1) < 1e-12
    assert median([3, 1, 2]) == 2 and median([4, 1, 2, 3]) == 2.5


if __name__ == "__main__":
    check()
    print("ranks.py: all checks passed")

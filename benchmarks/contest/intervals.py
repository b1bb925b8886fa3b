"""Medians, spreads, and the 95 % interval of the median of paired ratios.

In each round, both contestants met the same machine: the ratio of their times in that round is a pair's. The interval
is by order statistics (the sign test): whatever the distribution, the number of ratios below its median is binomial
with p = 1/2, so that the k-th smallest and the k-th largest ratio enclose the median with a probability that is known.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Interval(NamedTuple):
    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The quartiles.

    >>> spread([1.0, 2.0, 3.0, 4.0, 5.0])
    (2.0, 4.0)
    """
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def rank(count: int, confidence: float = 0.95) -> int:
    """The largest k for which the k-th smallest and the k-th largest of so many values enclose the median; 0 for none.

    >>> [rank(n) for n in (5, 6, 9, 15)]
    [0, 1, 2, 4]
    """
    outside = 0.0
    for k in range(count // 2 + 1):
        outside += 2 * math.comb(count, k) / 2**count
        if outside > 1 - confidence:
            return k
    return count // 2


def paired(ours: Sequence[float], theirs: Sequence[float], confidence: float = 0.95) -> Interval:
    """The median of the ratios ours / theirs round by round, and its interval; everything where the rounds are too few.

    >>> paired([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    Interval(median=0.5, low=0.0, high=inf)
    """
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    k = rank(len(ratios), confidence)
    low, high = (ratios[k - 1], ratios[-k]) if k else (0.0, math.inf)
    return Interval(statistics.median(ratios), low, high)


def geometric_mean(ratios: Sequence[float]) -> float:
    """
    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return math.exp(math.fsum(math.log(ratio) for ratio in ratios) / len(ratios))

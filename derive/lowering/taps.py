"""Sums over the taps of a window: a loop over the few taps, each of which is a view as long as the data.

Σ_k x[s t + d k - p] w[k]      one multiplication and addition of whole arrays for each k
Σ_t x[s t + d k - p] g[t]      one inner product for each k

A tap is an index of the window of which there are as many as a kernel has, or options say, or a number of them; it
shares an axis with an index that runs over the data.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.core.axes import Index
from derive.lowering.layout import align, permute, positions
from derive.lowering.values import TapInner, TapMax, TapSum, Value, Window

# An inner product over one data axis is as fast in one einsum for all taps.
DATA_AXES = 2


def are_taps(window: Window, indices: Sequence[Index]) -> bool:
    """Are these taps of the window, each on an axis with another index that is not among them?"""
    if not indices or not set(indices) <= set(window.taps):
        return False
    steps = [dict(zip(window.own, row[1:], strict=True)) for row in window.rows]
    moved = [{i for i, step in row.items() if step != 0} for row in steps]
    return all(any(i in row and row - set(indices) for row in moved) for i in indices)


def runs_over_taps(value: Value, over: Sequence[Index]) -> bool:
    return isinstance(value, Window) and are_taps(value, over)


def sum_of_taps(window: Value, weights: Value | None, over: Sequence[Index]) -> Value:
    """Σ over taps of a window, times weights if there are any."""
    assert isinstance(window, Window)
    data = tuple(i for i in window.own if i not in over)
    laid_out = permute(window, [i for i in window.axes if i not in (*over, *data)] + [*over, *data])
    rest = tuple(i for i in laid_out.axes if i not in over)
    factor = align(weights, laid_out.axes) if weights is not None else None
    return TapSum(laid_out, factor, positions(laid_out, over), axes=rest)


def largest_of_taps(window: Value, over: Sequence[Index]) -> Value:
    """The largest over taps of a window."""
    rest = tuple(i for i in window.axes if i not in over)
    return TapMax(window, positions(window, over), axes=rest)


def tap_sum(a: Value, b: Value, sums: Sequence[Index]) -> Value | None:
    """Σ over taps of a window times weights that have no other axes; None for anything else."""
    for window, weights in ((a, b), (b, a)):
        if runs_over_taps(window, sums) and not isinstance(weights, Window) and set(weights.axes) <= set(window.axes):
            return sum_of_taps(window, weights, sums)
    return None


def tap_inner(a: Value, b: Value, sums: Sequence[Index]) -> Value | None:
    """Σ over data of a window times another array, for each tap; None for anything else."""
    for window, other in ((a, b), (b, a)):
        if not isinstance(window, Window) or isinstance(other, Window):
            continue
        taps = [i for i in window.axes if i not in other.axes and i not in sums]
        rest = [i for i in window.axes if i not in taps]
        summed = [i for i in window.own if i in sums]
        if len(summed) >= DATA_AXES and are_taps(window, taps) and set(rest) == set(other.axes):
            number = {index: n for n, index in enumerate(rest)}
            kept = tuple(i for i in rest if i not in sums)
            pattern = tuple(tuple(number[i] for i in axes) for axes in (rest, other.axes, kept))
            return TapInner(window, other, pattern, len(taps), axes=(*kept, *taps))  # type: ignore[arg-type]
    return None

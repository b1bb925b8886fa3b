"""Compare two arrays: where do they differ most, and what does the difference look like?

    error = max |actual - expected| / max(floor, max |expected|)

The scale is that of the largest entry and doesn't grow with their number, so that one wrong entry
among many is as wrong as one alone. An expected entry that is NaN is unknown, and skipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, permutations

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray


@dataclass(frozen=True)
class Comparison:
    """The verdict on one array; str() of it is a sentence."""

    name: str
    error: float
    tolerance: float
    ok: bool
    worst: tuple[int, ...] | None
    """Index of the worst entry; None where the shapes differ or nothing was checked."""
    actual_value: complex | None
    expected_value: complex | None
    checked: int
    skipped: int
    shapes: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    """Shape given, shape expected."""
    arrays: tuple[Array, Array] | None = field(default=None, repr=False, compare=False)
    """Both arrays, where they are not close."""

    @cached_property
    def pattern(self) -> str:
        """What the error looks like ("transposed", "sign flipped", …), or ""; looked for when it is asked for."""
        return _pattern(*self.arrays, tolerance=self.tolerance) if self.arrays else ""

    def __str__(self) -> str:
        return f"{self.name}: {self._verdict()}{self._counts()}{self._likeness()}"

    @property
    def place(self) -> str:
        """The worst entry in index notation: dW[2, 1], or L for a scalar."""
        return f"{self.name}[{', '.join(map(str, self.worst))}]" if self.worst else self.name

    def _verdict(self) -> str:
        given, expected = self.shapes
        if given != expected:
            return f"expected shape {expected}, given {given}"
        if self.ok:
            return f"ok, error {self.error:.2g} <= {self.tolerance:g}"
        if self.skipped > self.checked:
            return f"only {self.checked} of {self.checked + self.skipped} entries can be checked"
        return (
            f"worst at {self.place}, expected {self.expected_value:.10g}, "
            f"given {self.actual_value:.10g}, error {self.error:.2g} > {self.tolerance:g}"
        )

    def _counts(self) -> str:
        return f", {self.checked} checked" + (f", {self.skipped} skipped" if self.skipped else "")

    def _likeness(self) -> str:
        return f"; looks like: {self.pattern}" if self.pattern else ""


def compare(
    actual: ArrayLike,
    expected: ArrayLike,
    *,
    tolerance: float,
    name: str = "value",
    floor: float = 1.0,
) -> Comparison:
    """Is `actual` within `tolerance` of `expected`, wherever `expected` is known?

    A wrong shape or a NaN in `actual` is never ok, nor is a comparison that skips more than half.
    `floor` is the size below which the tolerance stops being relative.

    >>> dW = np.array([[1.0, 3.0], [5.0, 4.0]])
    >>> print(compare(dW.T, dW, tolerance=1e-9, name="dW"))
    dW: worst at dW[0, 1], expected 3, given 5, error 0.4 > 1e-09, 4 checked; looks like: transposed
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    shapes = (actual.shape, expected.shape)
    known = ~np.isnan(expected)
    checked = int(known.sum())
    skipped = expected.size - checked
    if actual.shape != expected.shape:
        arrays = actual, expected
        return Comparison(name, math.inf, tolerance, False, None, None, None, 0, skipped, shapes, arrays)

    errors = _errors(actual, expected, floor)
    error = float(errors.max(initial=0.0))
    worst = None
    if errors.size:
        worst = tuple(int(i) for i in np.unravel_index(errors.argmax(), errors.shape))
    close = error <= tolerance
    return Comparison(
        name,
        error,
        tolerance,
        close and skipped <= checked,
        worst,
        None if worst is None else actual[worst].item(),
        None if worst is None else expected[worst].item(),
        checked,
        skipped,
        shapes,
        None if close else (actual, expected),
    )


def _errors(actual: Array, expected: Array, floor: float) -> Array:
    """The scaled errors: 0 where the expected entry is unknown, inf where the actual one is NaN."""
    # In float64: in the arrays' own float16 or unsigned integers the difference could overflow.
    wide = np.result_type(actual, expected, np.float64)
    with np.errstate(invalid="ignore"):
        errors = np.abs(actual.astype(wide) - expected.astype(wide))
        errors = errors / np.abs(expected).max(initial=floor, where=~np.isnan(expected))
    errors = np.where(np.isnan(errors), np.inf, errors)
    return np.where(np.isnan(expected) & ~np.isnan(actual), 0.0, errors)


# ----------------------------------------------------------------------------------- patterns

Explanation = tuple[str, Array, Array]
"""A pattern, and the two arrays that are equal if it fits."""


def _pattern(actual: Array, expected: Array, tolerance: float) -> str:
    """The first pattern that fits, or ""."""
    tolerance = max(tolerance, 1e-12)
    fits = (name for name, a, b in _explanations(actual, expected) if _equal(a, b, tolerance))
    return next(fits, "")


def _equal(a: Array, b: Array, tolerance: float) -> bool:
    """Equal relative to their size, however small; equal to nothing but 0 or NaN is no evidence."""
    if a.shape != b.shape:
        return False
    size = np.abs(b).max(initial=0.0, where=~np.isnan(b))
    return bool(0 < size < np.inf and _errors(a, b, size).max() <= tolerance)


def _explanations(actual: Array, expected: Array) -> Iterator[Explanation]:
    yield "sign flipped", actual, -expected
    yield from _transposes(actual, expected)
    yield from _sums(actual, expected)
    yield from _factors(actual, expected)


def _transposes(actual: Array, expected: Array) -> Iterator[Explanation]:
    """Every order of the axes but the given one; exchanging the last two needs no further words."""
    if expected.ndim > 4:
        return
    identity = tuple(range(expected.ndim))
    for order in permutations(identity):
        if order != identity:
            plain = order == (*identity[:-2], *identity[:-3:-1])
            pattern = "transposed" if plain else f"transposed to axes {order}"
            yield pattern, actual, expected.transpose(order)


def _sums(actual: Array, expected: Array) -> Iterator[Explanation]:
    """A sum that `actual` lacks, or one that it has too many."""
    for axes, pattern in _axis_sets(actual.ndim):
        for keepdims in (False, True):
            yield f"a missing sum over {pattern}", actual.sum(axes, keepdims=keepdims), expected
    for axes, pattern in _axis_sets(expected.ndim):
        total = expected.sum(axes, keepdims=True)
        for summed in (total.squeeze(axes), total, np.broadcast_to(total, expected.shape)):
            yield f"summed over {pattern}", actual, summed


def _axis_sets(ndim: int) -> Iterator[tuple[tuple[int, ...], str]]:
    """((0,), 'axis 0'), …, ((0, 1), 'axes (0, 1)'), …"""
    for count in range(1, min(ndim, 4) + 1):
        for axes in combinations(range(ndim), count):
            yield axes, f"axis {axes[0]}" if count == 1 else f"axes {axes}"


def _factors(actual: Array, expected: Array) -> Iterator[Explanation]:
    """actual = c · expected, with the c of least squares; one entry alone is always a multiple."""
    known = ~np.isnan(expected)
    if actual.shape != expected.shape or np.count_nonzero(expected[known]) < 2:
        return
    a, e = actual[known], expected[known]
    if np.isfinite(a).all() and np.isfinite(e).all():
        factor = (np.vdot(e, a) / np.vdot(e, e)).item()
        # factor · expected would be no evidence for a factor of 0.
        yield "all entries 0", actual + expected, expected
        yield f"a constant factor of {factor:.6g}", actual, factor * expected

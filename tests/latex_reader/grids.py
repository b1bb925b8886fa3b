"""Values over named axes: arrays whose axes are the indices in scope, aligned by name instead of by position."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from .tokens import ReaderError


@dataclass(eq=False)
class Axis:
    """An index in scope. Its size is given, or known from the first plain read at it, or what `otherwise` says."""

    name: str
    size: int | None = None
    otherwise: int | None = None
    # Indices that a condition sets equal to this one.
    equals: list[Axis] = field(default_factory=list, repr=False)

    def fits(self, size: int, where: str) -> None:
        if self.size is None:
            self.size = size
        elif self.size != size:
            raise ReaderError(f"index {self.name} runs over {self.size}, but {where} has {size} entries there")

    def known(self) -> int:
        if self.size is None:
            self.size = next((a.size for a in self._linked([]) if a.size is not None), None)
            self.size = self.otherwise if self.size is None else self.size
        if self.size is None:
            raise ReaderError(f"nothing says how far index {self.name} runs")
        return self.size

    def _linked(self, seen: list[Axis]) -> list[Axis]:
        seen.append(self)
        for other in self.equals:
            if other not in seen:
                other._linked(seen)
        return seen


@dataclass(frozen=True)
class Grid:
    """An array with one axis for each index that it depends on."""

    values: np.ndarray
    axes: tuple[Axis, ...] = ()

    def over(self, axes: Sequence[Axis]) -> np.ndarray:
        """The values with these axes in this order, of length 1 where they don't depend on the index."""
        order = [self.axes.index(a) for a in axes if a in self.axes]
        shape = [a.known() if a in self.axes else 1 for a in axes]
        return self.values.transpose(order).reshape(shape)

    def filled(self, axes: Sequence[Axis]) -> np.ndarray:
        return np.broadcast_to(self.over(axes), [a.known() for a in axes])


def union(grids: Sequence[Grid]) -> tuple[Axis, ...]:
    return tuple(dict.fromkeys(axis for grid in grids for axis in grid.axes))


def combine(function: Callable, *grids: Grid) -> Grid:
    """An elementwise function of grids, broadcast by name."""
    axes = union(grids)
    with np.errstate(all="ignore"):
        return Grid(np.asarray(function(*(g.over(axes) for g in grids))), axes)


def counted(axis: Axis) -> Grid:
    """The value of an index itself."""
    return Grid(np.arange(axis.known()), (axis,))


def gather(values: np.ndarray, at: Sequence[Grid]) -> tuple[Grid, Grid]:
    """values[at], 0 where an index is outside; and where all of them are inside."""
    axes = union(at)
    places = [np.asarray(p.over(axes)) for p in at]
    inside = np.ones([a.known() for a in axes], dtype=bool)
    for place, size in zip(places, values.shape, strict=True):
        inside = inside & (place >= 0) & (place < size)
    clipped = tuple(np.clip(p, 0, n - 1) for p, n in zip(places, values.shape, strict=True))
    found = np.broadcast_to(values[clipped], inside.shape) if values.size else np.zeros(inside.shape)
    return Grid(np.where(inside, found, 0), axes), Grid(inside, axes)


def product(factors: Sequence[Grid], masks: Sequence[Grid], over: Sequence[Axis] = ()) -> Grid:
    """Π factors, summed over axes, where every mask holds; 0 elsewhere, even where a factor is not finite."""
    factors = factors or [Grid(np.asarray(1.0))]
    everything = [*factors, *masks]
    missing = [a for a in over if a not in union(everything)]
    repeats = float(np.prod([a.known() for a in missing])) if missing else 1.0
    over = [a for a in over if a not in missing]
    if over and all(np.isfinite(f.values).all() for f in factors):
        result = _contracted(everything, over)
    else:
        result = combine(lambda *v: reduce(np.multiply, v), *factors)
        if masks:
            holds = combine(lambda *m: reduce(np.logical_and, m), *masks)
            result = combine(lambda v, m: np.where(m, v, 0), result, holds)
        result = summed(result, over)
    return Grid(result.values * repeats, result.axes)


def summed(grid: Grid, over: Sequence[Axis]) -> Grid:
    axes = tuple(a for a in grid.axes if a not in over)
    places = tuple(n for n, a in enumerate(grid.axes) if a in over)
    return Grid(grid.values.sum(axis=places), axes)


def _contracted(grids: Sequence[Grid], over: Sequence[Axis]) -> Grid:
    letters = dict(zip(union(grids), string.ascii_letters, strict=False))
    kept = tuple(a for a in letters if a not in over)
    inputs = ",".join("".join(letters[a] for a in g.axes) for g in grids)
    output = "".join(letters[a] for a in kept)
    kind = np.result_type(float, *(g.values.dtype for g in grids))
    arrays = [g.values.astype(kind) for g in grids]
    return Grid(np.einsum(f"{inputs}->{output}", *arrays, optimize="greedy"), kept)

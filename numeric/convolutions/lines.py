"""Maps laid out as lines, for kernels that move by one entry: what a tap reads is then one contiguous slice.

    X[s₁ (i + d u - p) + (j + d v - p)] = line[(s₁ i + j) + d (s₁ u + v)],   s₁ = the padded width

The places (i, j) of the output are numbered by s₁ i + j too, which leaves a few at the end of each row that are no
places: what is computed there is dropped. That is a small price for passes over memory without gaps, which take a third
of the time of passes over windows. A few maps at a time, so that they stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ..shapes import Array
from .spatial import Directions, inside, steps, taps

# As many entries of each array at a time as fit.
ENTRIES = 2**16


class Lines:
    """Room for `count` maps, padded, and for what is computed at their places."""

    def __init__(self, directions: Directions, dtype: np.dtype, most: int) -> None:
        self.directions = directions
        self.padded = [d.before + d.length + d.after for d in directions]
        self.jumps = [prod(self.padded[n + 1 :]) for n in range(len(directions))]
        self.length = directions[0].steps * self.jumps[0]
        self.count = max(1, min(most, ENTRIES // self.length))
        last = sum(d.dilation * (d.taps - 1) * jump for d, jump in zip(directions, self.jumps, strict=True))
        self.lines = np.zeros((self.count, max(prod(self.padded), last + self.length)), dtype)

    @property
    def maps(self) -> Array:
        """The view [count, n…] of what lies between the zeros."""
        return self.lines[:, : prod(self.padded)].reshape(self.count, *self.padded)[inside(self.directions)]

    def room(self) -> Array:
        """Zeros at all places, in lines."""
        return np.zeros((self.count, self.length), self.lines.dtype)

    def places(self, room: Array) -> Array:
        """The view [count, i…] of what was computed, without what is no place."""
        sizes = steps(self.directions)
        under: tuple[Any, ...] = (..., *(slice(size) for size in sizes))
        return room.reshape(self.count, sizes[0], *self.padded[1:])[under]

    def taps(self) -> Iterator[tuple[tuple[Any, ...], Array]]:
        """Each tap, and the view [count, length] of what it reads."""
        for tap in np.ndindex(*taps(self.directions)):
            start = sum(d.dilation * u * jump for d, u, jump in zip(self.directions, tap, self.jumps, strict=True))
            yield tap, self.lines[:, start : start + self.length]

    def parts(self, total: int) -> Iterator[tuple[slice, slice]]:
        """So many maps in parts: where each lies among all, and in here."""
        for start in range(0, total, self.count):
            stop = min(start + self.count, total)
            yield slice(start, stop), slice(stop - start)

"""Declared facts: what the author of a layer says is true of an argument, beyond its shape.

Σ_c T[b, c] = 1           a sum of entries over some axes is a number
A[i, j] = A[j, i]         entries are equal where two indices are exchanged
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from derive.core.axes import Affine, Index
from derive.core.layer import Symbol
from derive.core.terms import Expr, read, total

Place = TypeVar("Place", Index, Affine)


@dataclass(frozen=True)
class SumFact:
    """The sum of a tensor over the axes at the positions `over` is `value`: a number, or made of sizes and options."""

    tensor: str
    over: tuple[int, ...]
    value: Expr
    # As a person writes it, for messages.
    text: str = field(default="", compare=False)

    def sides(self, symbol: Symbol) -> tuple[Expr, Expr]:
        """The equation that it is, at the axes of its tensor."""
        return total(symbol.value(), [symbol.axes[n] for n in self.over]), self.value

    def moved(self, tensor: str, places: tuple[tuple[int, ...], ...], value: Expr) -> SumFact:
        """The same of another tensor, at whose positions `places` the axes stand."""
        return SumFact(tensor, tuple(sorted(p for n in self.over for p in places[n])), value, self.text)


@dataclass(frozen=True)
class Symmetry:
    """A tensor is what it is with the axes at two positions exchanged."""

    tensor: str
    exchanged: tuple[int, int]
    text: str = field(default="", compare=False)

    def sides(self, symbol: Symbol) -> tuple[Expr, Expr]:
        """The equation that it is, at the axes of its tensor."""
        return symbol.value(), read(symbol.name, *self.exchange(symbol.axes))

    def exchange(self, at: tuple[Place, ...]) -> tuple[Place, ...]:
        """Indices with those at the two positions exchanged."""
        first, second = self.exchanged
        swapped = list(at)
        swapped[first], swapped[second] = at[second], at[first]
        return tuple(swapped)

    def moved(self, tensor: str, places: tuple[tuple[int, ...], ...], value: Expr) -> Symmetry:
        """The same of another tensor, at whose positions `places` the axes stand."""
        (first,), (second,) = (places[n] for n in self.exchanged)
        return Symmetry(tensor, (min(first, second), max(first, second)), self.text)


Fact = SumFact | Symmetry

"""Indices with symbolic sizes, and the affine combinations of them at which tensors are read.

An index `i` of size `n` runs over 0..n-1. `...` is one symbolic group of leading axes, and an index like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import sympy

if TYPE_CHECKING:
    from derive.core.atoms import Lookup

Coefficient: TypeAlias = int | sympy.Expr
T = TypeVar("T")


@dataclass(frozen=True)
class Index:
    """An index by name, with the symbolic size of the axis it runs over."""

    name: str
    size: sympy.Expr

    def __repr__(self) -> str:
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def leading(self) -> bool:
        """Does this index stand for a whole group of leading axes?"""
        return self.size == LEADING_SIZE


LEADING_SIZE = sympy.Symbol("...", integer=True, positive=True)
LEADING = Index("...", LEADING_SIZE)


def fresh(index: Index, taken: Iterable[str]) -> Index:
    """`index` under a name that is not taken: itself if it is free, else i1, i2, …"""
    taken = set(taken)
    if index.name not in taken:
        return index
    stem = index.name.rstrip("0123456789") or index.name
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    return Index(f"{stem}{number}", index.size)


@dataclass(frozen=True)
class Affine:
    """Σ coefficient·index + constant, as stride*i + dilation*k - padding. Coefficients are integers or sizes.

    `lookups` are the entries of integer tensors that are added, with their coefficients: the place v = token[t].
    """

    terms: tuple[tuple[Index, Coefficient], ...]
    constant: Coefficient = 0
    lookups: tuple[tuple[Lookup, Coefficient], ...] = ()

    @staticmethod
    def of(index: Index) -> Affine:
        return Affine(((index, 1),))

    @staticmethod
    def look_up(entry: Lookup) -> Affine:
        """The place that an entry of an integer tensor names."""
        return Affine((), 0, ((entry, 1),))

    @staticmethod
    def build(
        terms: Iterable[tuple[Index, Coefficient]],
        constant: Coefficient = 0,
        lookups: Iterable[tuple[Lookup, Coefficient]] = (),
    ) -> Affine:
        kept = sorted(added_up(terms), key=lambda ic: ic[0].name)
        return Affine(tuple(kept), plain_number(constant), tuple(sorted(added_up(lookups), key=lambda rc: rc[0].key)))

    @cached_property
    def plain(self) -> Index | None:
        """The index itself when this is nothing but one index, else None."""
        if len(self.terms) == 1 and self.constant == 0 and self.terms[0][1] == 1 and not self.lookups:
            return self.terms[0][0]
        return None

    @cached_property
    def looked_up(self) -> Lookup | None:
        """The entry of an integer tensor when this is nothing but one, else None."""
        if len(self.lookups) == 1 and self.constant == 0 and self.lookups[0][1] == 1 and not self.terms:
            return self.lookups[0][0]
        return None

    @cached_property
    def number(self) -> Coefficient | None:
        """The constant when there is nothing else, else None."""
        return None if self.terms or self.lookups else self.constant

    @cached_property
    def indices(self) -> frozenset[Index]:
        return frozenset(i for i, _ in self.terms).union(*(r.free for r, _ in self.lookups))

    def coefficient(self, index: Index) -> Coefficient:
        return next((c for i, c in self.terms if i == index), 0)

    def without(self, index: Index) -> Affine:
        return Affine(tuple((i, c) for i, c in self.terms if i != index), self.constant, self.lookups)

    def __add__(self, other: Affine) -> Affine:
        constant = self.constant + other.constant
        return Affine.build(self.terms + other.terms, constant, self.lookups + other.lookups)

    def __sub__(self, other: Affine) -> Affine:
        return self + other.times(-1)

    def times(self, factor: Coefficient) -> Affine:
        scaled = ((r, c * factor) for r, c in self.lookups)
        return Affine.build(((i, c * factor) for i, c in self.terms), self.constant * factor, scaled)

    def substitute(self, mapping: Mapping[Index, Affine]) -> Affine:
        if self.indices.isdisjoint(mapping):
            return self
        result = Affine.build((), self.constant, ((r.substitute(mapping), c) for r, c in self.lookups))
        for index, coefficient in self.terms:
            result = result + mapping.get(index, Affine.of(index)).times(coefficient)
        return result

    def ends(self, over: Iterable[Index]) -> tuple[Affine, Affine] | None:
        """The least and the greatest value as some indices run over their axes; None where a direction is not known."""
        least = most = self
        for index in over:
            coefficient = symbolic(self.coefficient(index))
            last = Affine((), plain_number(coefficient * (index.size - 1)))
            if coefficient.is_nonnegative:
                least, most = least.without(index), most.without(index) + last
            elif coefficient.is_nonpositive:
                least, most = least.without(index) + last, most.without(index)
            else:
                return None
        return least, most

    @property
    def never_negative(self) -> bool:
        """Is this known to be 0 or more, whatever the indices are?"""
        ends = None if self.lookups else self.ends(self.indices)
        return ends is not None and bool(without_floors(symbolic(ends[0].constant)).is_nonnegative)

    def key(self, labels: Mapping[Index, str]) -> str:
        """A serialisation in which `labels` replaces the names of bound indices."""
        plain = self.plain
        if plain is not None:
            return labels.get(plain, plain.name)
        parts = [f"{c}*{labels.get(i, i.name)}" for i, c in self.terms]
        parts += [f"{c}*{r.labelled(labels, 0)}" for r, c in self.lookups]
        return "+".join([*sorted(parts), str(self.constant)])


def added_up(pairs: Iterable[tuple[T, Coefficient]]) -> list[tuple[T, Coefficient]]:
    """Pairs with the coefficients of equal things added; what comes to nothing is left out."""
    total: dict[T, Coefficient] = {}
    for thing, coefficient in pairs:
        total[thing] = plain_number(total.get(thing, 0) + coefficient)
    return [(thing, c) for thing, c in total.items() if c != 0]


def symbolic(value: Coefficient) -> sympy.Expr:
    """A SymPy expression, for a number too."""
    return sympy.Integer(value) if isinstance(value, int) else value


def without_floors(size: sympy.Expr) -> sympy.Expr:
    """What a size is at least: x for each floor(x) that it falls with, since no floor is above what it is of."""
    for floor in size.atoms(sympy.floor):
        coefficient = sympy.expand(size).coeff(floor)
        if coefficient.is_nonpositive and not (size - coefficient * floor).expand().has(floor):
            size = sympy.expand(size - coefficient * floor + coefficient * floor.args[0])
    return size


def plain_number(value: Coefficient) -> Coefficient:
    """Python's int for a number, an expanded SymPy expression for anything else."""
    if isinstance(value, int):
        return value
    value = sympy.expand(value)
    return int(value) if value.is_Integer else value

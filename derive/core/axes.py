"""Indices with symbolic sizes, and the affine combinations of them at which tensors are read.

An index `i` of size `n` runs over 0..n-1. `...` is one symbolic group of leading axes, and an index like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import sympy

Coefficient: TypeAlias = int | sympy.Expr


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
    """Σ coefficient·index + constant, as stride*i + dilation*k - padding. Coefficients are integers or sizes."""

    terms: tuple[tuple[Index, Coefficient], ...]
    constant: Coefficient = 0

    @staticmethod
    def of(index: Index) -> Affine:
        return Affine(((index, 1),))

    @staticmethod
    def build(terms: Iterable[tuple[Index, Coefficient]], constant: Coefficient = 0) -> Affine:
        total: dict[Index, Coefficient] = {}
        for index, coefficient in terms:
            total[index] = plain_number(total.get(index, 0) + coefficient)
        kept = tuple(sorted(((i, c) for i, c in total.items() if c != 0), key=lambda ic: ic[0].name))
        return Affine(kept, plain_number(constant))

    @cached_property
    def plain(self) -> Index | None:
        """The index itself when this is nothing but one index, else None."""
        if len(self.terms) == 1 and self.constant == 0 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None

    @cached_property
    def indices(self) -> frozenset[Index]:
        return frozenset(i for i, _ in self.terms)

    def coefficient(self, index: Index) -> Coefficient:
        return next((c for i, c in self.terms if i == index), 0)

    def without(self, index: Index) -> Affine:
        return Affine(tuple((i, c) for i, c in self.terms if i != index), self.constant)

    def __add__(self, other: Affine) -> Affine:
        return Affine.build(self.terms + other.terms, self.constant + other.constant)

    def __sub__(self, other: Affine) -> Affine:
        return self + other.times(-1)

    def times(self, factor: Coefficient) -> Affine:
        return Affine.build(((i, c * factor) for i, c in self.terms), self.constant * factor)

    def substitute(self, mapping: Mapping[Index, Affine]) -> Affine:
        if not any(i in mapping for i, _ in self.terms):
            return self
        result = Affine((), self.constant)
        for index, coefficient in self.terms:
            result = result + mapping.get(index, Affine.of(index)).times(coefficient)
        return result

    def key(self, labels: Mapping[Index, str]) -> str:
        """A serialisation in which `labels` replaces the names of bound indices."""
        plain = self.plain
        if plain is not None:
            return labels.get(plain, plain.name)
        parts = sorted(f"{c}*{labels.get(i, i.name)}" for i, c in self.terms)
        return "+".join([*parts, str(self.constant)])


def symbolic(value: Coefficient) -> sympy.Expr:
    """A SymPy expression, for a number too."""
    return sympy.Integer(value) if isinstance(value, int) else value


def plain_number(value: Coefficient) -> Coefficient:
    """Python's int for a number, an expanded SymPy expression for anything else."""
    if isinstance(value, int):
        return value
    value = sympy.expand(value)
    return int(value) if value.is_Integer else value

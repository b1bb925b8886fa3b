"""Equations that read entries of one matrix of pairs, in one alphabet: which index is the row, which the column.

dV[t, e] = Σ_t1 P[t1, t] dO[t1, e]    →    dV[j, e] = Σ_i P[i, j] dO[i, e]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derive.core.atoms import Read
from derive.core.axes import Affine, Index, fresh
from derive.core.layer import Equation
from derive.core.terms import Expr, Term, add, product
from derive.core.traverse import atoms

# For each array of pairs, which index each of its axes carries.
Pairs = Mapping[str, tuple[Index, ...]]


@dataclass(frozen=True)
class Aligned:
    """An equation in the alphabet of the pairs; `equation` is the author's."""

    equation: Equation
    axes: tuple[Index, ...]
    expr: Expr


def aligned(equation: Equation, pairs: Pairs) -> Aligned | None:
    """The equation with the indices of the pairs; None where it reads them at several places, or at no plain index."""
    free: dict[Index, Index] = {}
    bound: list[dict[Index, Index]] = []
    for term in equation.expr.terms:
        names: dict[Index, Index] = {}
        for read in _pairs_read(term, pairs):
            for at, index in zip(read.at, pairs[read.tensor], strict=True):
                own = at.plain
                if own is None or own not in term.free and own not in term.bound:
                    return None
                scope = names if own in term.bound else free
                if scope.setdefault(own, index) != index:
                    return None
        bound.append(names)
    everything = {i for index in pairs.values() for i in index}
    taken = {i.name for i in everything} | {i.name for i in equation.symbol.axes}
    for index in equation.symbol.axes:
        if index not in free:
            clash = index in everything or index.name in {i.name for i in everything}
            free[index] = fresh(index, taken) if clash else index
            taken.add(free[index].name)
    if len(set(free.values())) < len(free):
        return None
    terms = []
    for term, names in zip(equation.expr.terms, bound, strict=True):
        if set(names.values()) & set(free.values()) or len(set(names.values())) < len(names):
            return None
        terms.append(_in_alphabet(term, {**free, **names}, taken))
    return Aligned(equation, tuple(free[i] for i in equation.symbol.axes), add(*terms))


def _pairs_read(term: Term, pairs: Pairs) -> list[Read]:
    return [a for a in atoms(Expr((term,))) if isinstance(a, Read) and a.tensor in pairs]


def _in_alphabet(term: Term, names: Mapping[Index, Index], taken: set[str]) -> Expr:
    """The term with its indices, free or bound, called otherwise; the other bound ones are called like none of them."""
    known = taken | {i.name for i in names.values()}
    own = dict(names)
    for index in term.bound:
        if index not in own:
            own[index] = fresh(index, known)
            known = known | {own[index].name}
    mapping = {i: Affine.of(j) for i, j in own.items()}
    factors = [(a.substitute(mapping), e) for a, e in term.factors]
    return Expr((product(term.coefficient, factors, tuple(own[i] for i in term.bound)),))


def alike(equation: Equation, terms: Sequence[Term], pairs: Pairs) -> bool:
    """Can these terms of an equation be in one alphabet?"""
    return aligned(Equation(equation.symbol, Expr(tuple(terms))), pairs) is not None

"""Under an equality, either side may stand for the other: [i = j] f_i = [i = j] f_j.

It is done where something cancels, as in [k = y] P_k / P_y = [k = y], the derivative of log P_y by a softmax.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.calculus.deltas import same_size
from derive.core.atoms import Atom, Bracket
from derive.core.axes import Affine, Index
from derive.core.terms import Expr, Term, add, from_term, product
from derive.core.traverse import transform

LAW = r"[i = j]\, f_{i} = [i = j]\, f_{j}"


def equate(value: Expr) -> Expr:
    """`value` with the sides of equalities exchanged beside them, at every depth, where factors cancel then."""
    return transform(value, lambda e: add(*map(_equated, e.terms)))


def _equated(term: Term) -> Expr:
    for condition, _ in term.factors:
        for index, other in _sides(condition):
            factors = [f if f[0] is condition else (f[0].substitute({index: other}), f[1]) for f in term.factors]
            found = product(term.coefficient, factors, term.bound)
            if len(found.factors) < len(term.factors):
                return from_term(found)
    return from_term(term)


def _sides(condition: Atom) -> Iterator[tuple[Index, Affine]]:
    """An index of an equality with what it equals: another index, or an entry of an integer tensor, of equal size."""
    if not isinstance(condition, Bracket) or condition.relation != "==":
        return
    for index, coefficient in condition.affine.terms:
        if coefficient in (1, -1):
            other = condition.affine.without(index).times(-coefficient)
            whole = other.plain or other.looked_up
            if whole is not None and same_size(whole.size, index.size):
                yield index, other

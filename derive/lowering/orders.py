"""In which order a product of many arrays is summed: by the degree of the work, then by what sizes typically are.

    Σ_{k,r} X[b,k] A[k,r] B[r,o]        (X A) B takes b r (k + o) operations, X (A B) takes k r o + b k o

As polynomials in sizes, both are of degree three. Where the author has said that r is about 8 and the others about a
thousand, the first takes a hundredth of the operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import sympy

from derive.core.axes import Index

Indices = frozenset[Index]
# The leading axes count as so many entries.
LEADING_ENTRIES = 1000
# Products of more arrays than this are taken pair by pair as they come.
MOST = 6


def weight(indices: Iterable[Index]) -> int:
    """How large an array over these indices is, as far as one can tell without numbers."""
    return sum(2 if i.leading else 1 for i in indices)


def cheapest_pair(
    operands: Sequence[Indices], bound: Sequence[Index], typical: Mapping[str, int]
) -> tuple[int, int] | None:
    """Which two arrays come first in the order of least degree, then of least work; None where sizes are unknown."""
    lengths = {i: _length(i, typical) for i in frozenset[Index]().union(*operands)}
    if len(operands) > MOST or None in lengths.values():
        return None
    entries = {i: float(n) for i, n in lengths.items() if n is not None}
    return _cheapest(operands, frozenset(bound), entries)[1]


def _length(index: Index, typical: Mapping[str, int]) -> sympy.Expr | None:
    if index.leading:
        return sympy.Integer(LEADING_ENTRIES)
    length = index.size.subs({s: typical[str(s)] for s in index.size.free_symbols if str(s) in typical})
    return length if length.is_number else None


def _cheapest(
    operands: Sequence[Indices], bound: Indices, entries: Mapping[Index, float]
) -> tuple[tuple[int, float], tuple[int, int] | None]:
    """The degree and the work of the best order, and its first pair."""
    if len(operands) < 2:
        return (0, 0.0), None
    found: list[tuple[tuple[int, float], tuple[int, int]]] = []
    for one, two in combinations(range(len(operands)), 2):
        others = [o for n, o in enumerate(operands) if n not in (one, two)]
        joint = operands[one] | operands[two]
        kept = joint - (bound - frozenset[Index]().union(*others))
        (degree, work), _ = _cheapest([*others, kept], bound, entries)
        own = 1.0
        for index in joint:
            own *= entries[index]
        found.append(((max(degree, weight(joint)), work + own), (one, two)))
    return min(found)

"""What a maximum is taken over, as conditions on indices: the entries for which nothing is read outside a tensor.

max_k (x[i + k - p] w[k])   →   0 ≤ i + k - p < n
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from derive.calculus.deltas import same_size
from derive.core.atoms import Bracket, Maximum, Read
from derive.core.axes import Affine, Index
from derive.core.layer import Symbol
from derive.core.terms import Expr
from derive.errors import LoweringError


def taking_part(body: Expr, symbols: Mapping[str, Symbol]) -> list[Bracket]:
    """The conditions under which all reads are inside; those that always hold are left out."""
    return list(dict.fromkeys(_conditions(body, symbols, frozenset())))


def _conditions(body: Expr, symbols: Mapping[str, Symbol], bound: frozenset[Index]) -> Iterator[Bracket]:
    for term in body.terms:
        inner = bound | set(term.bound)
        for factor, _ in term.factors:
            if isinstance(factor, Read) and factor.at:
                for place, axis in zip(factor.at, symbols[factor.tensor].axes, strict=True):
                    yield from _inside(place, axis, inner)
            elif not isinstance(factor, Maximum):
                # What a maximum within reads outside takes no part there.
                for child in factor.children():
                    yield from _conditions(child, symbols, inner)


def _inside(place: Affine, axis: Index, bound: Collection[Index]) -> Iterator[Bracket]:
    """[0 ≤ place < size] for every value of the bound indices."""
    if place.looked_up is not None or place.plain is not None and same_size(place.plain.size, axis.size):
        return
    ends = place.ends(i for i in place.indices if i in bound)
    if ends is None:
        raise LoweringError(
            f"{axis.name} is read at {place.key({})} under a sum inside a maximum, forwards or backwards. "
            "Let the option start at 0, or name the sum with define()."
        )
    least, most = ends
    for distance in (least, Affine((), axis.size - 1) - most):
        if not distance.never_negative:
            yield Bracket(">=", distance)

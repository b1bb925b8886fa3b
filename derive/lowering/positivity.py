"""A sum of what is never negative is 0 only where everything in it is.

[Σ_k f_k > 0] f_j = f_j        f_j / Σ_k f_k is 0 / 0 only where f_j is 0
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from derive.calculus.deltas import same_size
from derive.core.atoms import Atom, Paren, Test
from derive.core.axes import Affine
from derive.core.terms import Expr, Factor
from derive.lowering.conditions import maybe_empty
from derive.lowering.signs import Sign, Symbols, power_defined, sign


def redundant(condition: Atom, factors: Sequence[Factor], symbols: Symbols) -> bool:
    """[Σ_k f_k > 0] f_j = f_j: is the condition that there is anything, in a product with one part of it?"""
    return (
        isinstance(condition, Test)
        and condition.relation == ">"
        and holds_summand(condition.argument, factors, symbols)
    )


def vanishes_with(divisor: Expr, factors: Sequence[Factor], symbols: Symbols) -> bool:
    """May a sum that the product is divided by be 0, and is the product 0 then because it has a summand of it?"""
    asked = any(isinstance(a, Test) and a.argument == divisor for a, _ in factors)
    if not asked and (power_defined(Paren(divisor), -1, symbols) or not all(map(maybe_empty, divisor.terms))):
        return False
    return holds_summand(divisor, factors, symbols)


def holds_summand(value: Expr, factors: Sequence[Factor], symbols: Symbols) -> bool:
    """Is one of the summands of a sum that is never negative a part of the product?"""
    if sign(value, symbols) is Sign.ANY:
        return False
    powers = dict(factors)
    free = {i for a, _ in factors for i in a.free}
    for term in value.terms:
        choices = [[j for j in free if same_size(i.size, j.size)] for i in term.bound]
        for chosen in product(*choices):
            at = {i: Affine.of(j) for i, j in zip(term.bound, chosen, strict=True)}
            if term.bound and all(powers.get(a.substitute(at)) == e for a, e in term.factors):
                return True
    return False

"""Conditions that hold where a tensor is not 0: a bracket is idempotent, so what carries it needs it no second time.

Y = [c] a    ⟹    [c] Y = [c] [c] a = Y
"""

from __future__ import annotations

from derive.core.atoms import Atom, Read
from derive.core.layer import Equation
from derive.core.terms import Factor, Term


def conditions_of(equation: Equation) -> tuple[Atom, ...]:
    """The brackets c of an equation Y = [c] a: where one of them fails, Y is 0."""
    term = equation.expr.only
    if term is None:
        return ()
    axes = frozenset(equation.symbol.axes)
    return tuple(a for a, _ in term.factors if a.boolean and a.free <= axes)


def held(term: Term, equation: Equation) -> tuple[Factor, ...]:
    """The conditions that the term's entries of the equation's tensor carry, at these entries."""
    conditions = conditions_of(equation)
    if not conditions:
        return ()
    found: dict[Atom, None] = {}
    for factor, exponent in term.factors:
        if isinstance(factor, Read) and factor.tensor == equation.symbol.name and exponent > 0:
            at = dict(zip(equation.symbol.axes, factor.at, strict=True))
            found.update((c.substitute(at), None) for c in conditions)
    present = {a for a, _ in term.factors}
    return tuple((c, 1) for c in found if c not in present)

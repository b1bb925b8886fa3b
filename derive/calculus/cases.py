"""A value that is defined by cases is, under the condition of a case, that case.

Y = [x > 0] a + [x ≤ 0] b        ⟹    [x ≤ 0] b = [x ≤ 0] Y
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from derive.calculus.matching import match_product
from derive.core.atoms import Atom, Bracket, Read, Test
from derive.core.axes import Affine
from derive.core.layer import Equation
from derive.core.terms import Expr, Term, from_term, product, rational


def negation(condition: Atom) -> Atom | None:
    """The condition that holds where this one fails."""
    if isinstance(condition, Test):
        opposite = {">": ">=", ">=": ">", "==": "!=", "!=": "=="}[condition.relation]
        return Test(opposite, -condition.argument if condition.relation in (">", ">=") else condition.argument)
    if isinstance(condition, Bracket):
        if condition.relation == ">=":
            return Bracket(">=", condition.affine.times(-1) - Affine((), 1))
        return Bracket({"==": "!=", "!=": "=="}[condition.relation], condition.affine)
    return None


def cases(equation: Equation) -> Iterator[tuple[Atom, Term]]:
    """The cases of an equation: a condition, and the only one of its terms that need not be 0 where that holds."""
    terms = equation.expr.terms
    for term in terms:
        for condition, _ in term.factors:
            opposite = negation(condition) if condition.boolean and condition.free.isdisjoint(term.bound) else None
            others = (t for t in terms if t is not term)
            if opposite is not None and all(any(a == opposite for a, _ in t.factors) for t in others):
                yield condition, term


def as_case(target: Term, equation: Equation) -> Iterator[Expr]:
    """… [c] b … = … [c] Y … where Y = [c] b + [not c] a; a product of reads is as short as Y is"""
    for condition, case in cases(equation):
        if all(isinstance(a, Read) or a.boolean for a, _ in case.factors):
            continue
        for binding, left in match_product(case, target):
            if not all(i in binding for i in equation.symbol.axes):
                continue
            gone = {binding[i].plain for i in case.bound}
            named = Read(equation.symbol.name, tuple(binding[i] for i in equation.symbol.axes))
            rest = [*left, (condition.substitute(binding), 1), (named, 1)]
            coefficient = rational(Fraction(target.coefficient) / case.coefficient)
            yield from_term(product(coefficient, rest, tuple(i for i in target.bound if i not in gone)))
            return

"""Reuse a value that has a name, and back: an equation's right-hand side becomes its tensor, or the tensor becomes it.

Three ways in which a right-hand side can stand in an expression: as part of a product, as a sum (whole, or some of
the terms of a larger one), and as a power of itself, (v + ε)^(-3/2) = r³ where r = (v + ε)^(-1/2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from derive.calculus.deltas import within
from derive.calculus.matching import Binding, match_atom, match_product, match_terms
from derive.calculus.rules import instantiate
from derive.core.atoms import Paren, Read
from derive.core.layer import Equation
from derive.core.terms import Expr, Term, add, atom, expr, from_term, multiply, product, rational, total
from derive.core.traverse import map_children, rebuild


def reuse(value: Expr, equation: Equation) -> Expr:
    """`value` with the tensor's name wherever its right-hand side stands, at every depth, as often as it does."""
    if not equation.expr.free.issuperset(equation.symbol.axes):
        # Constant along an axis: the right-hand side does not say at which index of that axis it stands for the tensor.
        return value
    value = map_children(value, lambda child: reuse(child, equation))
    while True:
        better = next(_rewritten(value, equation), None)
        if better is None:
            return value
        value = better


def _rewritten(value: Expr, equation: Equation) -> Iterator[Expr]:
    pattern = equation.expr
    term = pattern.only
    if term is None:
        yield from _as_sum(value, equation)
    for position, target in enumerate(value.terms):
        others = value.terms[:position] + value.terms[position + 1 :]
        if term is not None:
            for new in (*_as_product(target, equation, term), *_as_power(target, equation, term)):
                yield add(Expr(others), new)
        else:
            for new in _as_parenthesis(target, equation):
                yield add(Expr(others), new)


def _name(equation: Equation, binding: Binding) -> Read:
    return Read(equation.symbol.name, tuple(binding[i] for i in equation.symbol.axes))


def _bound_all(equation: Equation, binding: Binding) -> bool:
    return all(i in binding for i in equation.symbol.axes)


def _as_product(target: Term, equation: Equation, pattern: Term) -> Iterator[Expr]:
    """… a b … = … Y … where Y = a b"""
    if len(pattern.factors) < 2 and not pattern.bound and not _substantial(pattern):
        return
    for binding, rest in match_product(pattern, target):
        if not _bound_all(equation, binding):
            continue
        gone = {binding[i].plain for i in pattern.bound}
        coefficient = rational(Fraction(target.coefficient) / pattern.coefficient)
        named = (_name(equation, binding), 1)
        yield from_term(product(coefficient, [*rest, named], tuple(i for i in target.bound if i not in gone)))
        return


def _substantial(pattern: Term) -> bool:
    """Is a pattern of a single factor more than another name for a read?"""
    return bool(pattern.factors) and not isinstance(pattern.factors[0][0], Read)


def _as_power(target: Term, equation: Equation, pattern: Term) -> Iterator[Expr]:
    """a^(n e) = Y^n where Y = a^e"""
    if len(pattern.factors) != 1 or pattern.bound or pattern.coefficient != 1 or not _substantial(pattern):
        return
    base, exponent = pattern.factors[0]
    for position, (factor, power) in enumerate(target.factors):
        ratio = rational(Fraction(power) / exponent)
        if not isinstance(ratio, int):
            continue
        for binding in match_atom(base, factor, {}):
            if _bound_all(equation, binding):
                rest = target.factors[:position] + target.factors[position + 1 :]
                yield from_term(product(target.coefficient, [*rest, (_name(equation, binding), ratio)], target.bound))
                return


def _as_sum(value: Expr, equation: Equation) -> Iterator[Expr]:
    """… + c a + c b + … = … + c Y + … where Y = a + b"""
    patterns = equation.expr.terms
    if not patterns or len(patterns) > len(value.terms):
        return
    for candidate in value.terms:
        ratio = rational(Fraction(candidate.coefficient) / patterns[0].coefficient)
        used: list[Term] = []
        for binding in match_terms(patterns, value.terms, {}, ratio, used):
            if _bound_all(equation, binding) and any(u is candidate for u in used):
                others = [t for t in value.terms if not any(t is u for u in used)]
                yield add(Expr(tuple(others)), multiply(expr(ratio), atom(_name(equation, binding))))
                return


def _as_parenthesis(target: Term, equation: Equation) -> Iterator[Expr]:
    """(c a + c b)^n = c^n Y^n where Y = a + b"""
    for position, (factor, exponent) in enumerate(target.factors):
        if not isinstance(factor, Paren) or len(factor.body.terms) != len(equation.expr.terms):
            continue
        named = next(_as_sum(factor.body, equation), None)
        if named is not None:
            rest = target.factors[:position] + target.factors[position + 1 :]
            inner = multiply(from_term(Term(target.coefficient, rest)), named**exponent)
            yield total(inner, target.bound)
            return


def unfold(statement: Equation) -> Callable[[Expr], Expr]:
    """Put the right-hand side of an equation in for its tensor."""
    name = statement.symbol.name

    def unfold_in(value: Expr) -> Expr:
        terms = []
        for term in value.terms:
            parts = []
            for factor, exponent in term.factors:
                # A read outside the tensor is 0, whatever the right-hand side would be there.
                if isinstance(factor, Read) and factor.tensor == name and within(factor, statement.symbol.axes):
                    parts.append(instantiate(statement, factor) ** exponent)
                elif factor.children():
                    parts.append(rebuild(factor, tuple(unfold_in(c) for c in factor.children())) ** exponent)
                else:
                    parts.append(atom(factor, exponent))
            terms.append(total(multiply(expr(term.coefficient), *parts), term.bound))
        return add(*terms)

    return unfold_in

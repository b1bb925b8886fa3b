"""Reuse a value that has a name, and back: an equation's right-hand side becomes its tensor, or the tensor becomes it.

Five ways in which a right-hand side can stand in an expression: as part of a product, as a sum (whole, or some of
the terms of a larger one), as a power of itself, (v + ε)^(-3/2) = r³ where r = (v + ε)^(-1/2), where it is a
logarithm as the exponential of itself, and where it is defined by cases as one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from derive.calculus.cases import as_case
from derive.calculus.deltas import within
from derive.calculus.guards import guards
from derive.calculus.implied import held
from derive.calculus.matching import Binding, match_atom, match_product, match_terms
from derive.calculus.rules import instantiate
from derive.core.atoms import Function, Paren, Read
from derive.core.layer import Equation
from derive.core.terms import Expr, Factor, Term, add, apply, atom, expr, from_term, multiply, product, rational, total
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
            ways = (*_as_parenthesis(target, equation), *_as_exponential(target, equation), *as_case(target, equation))
            for new in ways:
                yield add(Expr(others), new)


def _name(equation: Equation, binding: Binding) -> Read:
    return Read(equation.symbol.name, tuple(binding[i] for i in equation.symbol.axes))


def _bound_all(equation: Equation, binding: Binding) -> bool:
    return all(i in binding for i in equation.symbol.axes)


def _as_product(target: Term, equation: Equation, pattern: Term) -> Iterator[Expr]:
    """… a b … = … Y … where Y = a b; a condition in Y is kept beside it where it guards what is left"""
    if len(pattern.factors) < 2 and not pattern.bound and not _substantial(pattern):
        return
    known = held(target, equation)
    for binding, left in match_product(pattern, Term(target.coefficient, (*target.factors, *known), target.bound)):
        if not _bound_all(equation, binding):
            continue
        gone = {binding[i].plain for i in pattern.bound}
        coefficient = rational(Fraction(target.coefficient) / pattern.coefficient)
        named = (_name(equation, binding), 1)
        rest = [f for f in left if f not in known]
        if rest == list(target.factors):
            # Only what its own reads imply was found: nothing of it stands here.
            continue
        rest += [f for f in _conditions(pattern, binding) if any(guards(f[0], other) for other in rest)]
        yield from_term(product(coefficient, [*rest, named], tuple(i for i in target.bound if i not in gone)))
        return


def _conditions(pattern: Term, binding: Binding) -> list[Factor]:
    """The conditions of a pattern that say nothing of what it sums over, as they stand where it was found."""
    conditions = [a for a, _ in pattern.factors if a.boolean and a.free.isdisjoint(pattern.bound)]
    return [(c.substitute(binding), 1) for c in conditions]


def _substantial(pattern: Term) -> bool:
    """Is a pattern of a single factor more than another name for a read?"""
    return bool(pattern.factors) and not isinstance(pattern.factors[0][0], Read)


def _as_power(target: Term, equation: Equation, pattern: Term) -> Iterator[Expr]:
    """a^(n e) = Y^n where Y = a^e; of a read only roots, s^(-3/2) = r^3 where r = s^(-1/2)"""
    if len(pattern.factors) != 1 or pattern.bound or pattern.coefficient != 1:
        return
    base, exponent = pattern.factors[0]
    root = isinstance(exponent, Fraction)
    if not root and not _substantial(pattern):
        return
    for position, (factor, power) in enumerate(target.factors):
        ratio = rational(Fraction(power) / exponent)
        if not isinstance(ratio, int) or not (_substantial(pattern) or isinstance(power, Fraction)):
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


def _as_exponential(target: Term, equation: Equation) -> Iterator[Expr]:
    """… a / b … = … exp(Y) … where Y = log a - log b: the values of a logarithm are those of what it is taken of"""
    if not any(isinstance(a, Function) and a.name == "log" for t in equation.expr.terms for a, _ in t.factors):
        return
    pattern = apply("exp", equation.expr).only
    if pattern is None or any(isinstance(a, Function) and a.name == "log" for a, _ in pattern.factors):
        return
    for binding, rest in match_product(pattern, target):
        if _bound_all(equation, binding):
            gone = {binding[i].plain for i in pattern.bound}
            exponential = (Function("exp", atom(_name(equation, binding))), 1)
            kept = tuple(i for i in target.bound if i not in gone)
            yield from_term(product(target.coefficient, [*rest, exponential], kept))
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

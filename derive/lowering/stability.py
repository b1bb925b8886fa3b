"""The shift by the maximum, which keeps exponentials from overflowing and leaves the value as it is.

    Σ_k exp(x_k)  =  exp(M) Σ_k exp(x_k - M)    with  M = max_k x_k

so that  exp(x_j) / Σ_k exp(x_k) = exp(x_j - M) / Σ_k exp(x_k - M)   and   log Σ_k exp(x_k) = M + log Σ_k exp(x_k - M)
and      [Σ_k exp(x_k) > 0] = [Σ_k exp(x_k - M) > 0].

It applies to the sums that are divided by, to those under a logarithm and to those that are asked whether they are 0,
on equations, before they are lowered. Where a sum may have nothing in it, because no condition holds or every x_k is
minus infinity, M is at least the lowest finite number.
"""

from __future__ import annotations

from derive.core.atoms import Atom, Function, Maximum, Paren, Test, exponential
from derive.core.axes import Affine, Index, fresh
from derive.core.layer import Equation
from derive.core.terms import ZERO, Expr, Rational, Term, add, atom, multiply, power, read, total
from derive.core.traverse import atoms, map_children
from derive.lowering.conditions import LOWEST, larger, maybe_empty

NAME = "shift by the maximum"
STATEMENT = r"\sum_{k} e^{x_{k}} = e^{M} \sum_{k} e^{x_{k} - M}, \quad M = \max_{k} x_{k}"


def stabilised(equation: Equation) -> Equation:
    """The equation with every sum of exponentials that is divided by, or stands under a logarithm, shifted."""
    return Equation(equation.symbol, shift(equation.expr))


def is_shifted(equation: Equation) -> bool:
    """Is it computed with a maximum that does not stand in it?"""
    largest, own = (
        sum(isinstance(a, Maximum) for a in atoms(value)) for value in (shift(equation.expr), equation.expr)
    )
    return largest > own


def shift(value: Expr) -> Expr:
    """The expression with its sums of exponentials shifted, at any depth."""
    if not _has_exponentials(value):
        return value
    return _shift_here(map_children(value, shift))


def _has_exponentials(value: Expr) -> bool:
    return any(exponential(a) or any(map(_has_exponentials, a.children())) for t in value.terms for a, _ in t.factors)


def _shift_here(value: Expr) -> Expr:
    return add(*(_shift_term(term) for term in value.terms))


def _shift_term(term: Term) -> Expr:
    parts: list[Expr] = [Expr((Term(term.coefficient),))]
    changed = False
    names = {i.name for a, _ in term.factors for i in a.free} | {i.name for i in term.bound}
    asked = [a.argument for a, _ in term.factors if isinstance(a, Test)]
    for factor, exponent in term.factors:
        shifted = _shifted(factor, exponent, names, asked)
        changed |= shifted is not None
        parts.append(shifted or atom(factor, exponent))
    return total(multiply(*parts), term.bound) if changed else Expr((term,))


def _shifted(factor: Atom, exponent: Rational, names: set[str], asked: list[Expr]) -> Expr | None:
    """The power of a factor with its sum shifted: 1/Σ = exp(-M)/Σ', log Σ = M + log Σ', [Σ > 0] = [Σ' > 0].

    `asked` are the values of which the term asks whether there is anything: 0 is one of the answers.
    """
    if isinstance(factor, Paren) and exponent < 0:
        found = _shifted_sum(factor.body, names, factor.body in asked)
        if found is not None:
            largest, rest = found
            return multiply(_exp(largest, exponent), power(rest, exponent))
    if isinstance(factor, Function) and factor.name == "log":
        found = _shifted_sum(factor.argument, names, factor.argument in asked)
        if found is not None:
            largest, rest = found
            return power(add(largest, atom(Function("log", rest))), exponent)
    if isinstance(factor, Test):
        found = _shifted_sum(factor.argument, names, True)
        if found is not None:
            return atom(Test(factor.relation, found[1]))
    return None


def _exp(largest: Expr, exponent: Rational) -> Expr:
    return Expr((Term(1, ((Function("exp", _times(largest, exponent)), 1),)),))


def _times(value: Expr, factor: Rational) -> Expr:
    return Expr(tuple(t.scaled(factor) for t in value.terms))


def _shifted_sum(value: Expr, names: set[str], asked: bool) -> tuple[Expr, Expr] | None:
    """M and Σ exp(x - M) of a sum Σ exp(x); None where nothing in it can overflow."""
    largest: Expr | None = None
    for term in value.terms:
        here = _largest(term, names)
        if here is None:
            return None
        largest = here if largest is None else larger(largest, here)
    if largest is None or largest == ZERO or not any(exponential(a) for t in value.terms for a, _ in t.factors):
        return None
    if asked or all(maybe_empty(t) for t in value.terms):
        largest = larger(largest, read(LOWEST))
    return largest, Expr(tuple(_lowered_by(t.apart(i.name for i in largest.free), largest) for t in value.terms))


def _lowered_by(term: Term, largest: Expr) -> Term:
    """exp(x) c as exp(x - M) c, in one exponential: the normal form would take exp(-M) out of the sum again."""
    return in_one_exponential(term, _times(largest, -1))


def in_one_exponential(term: Term, more: Expr = ZERO) -> Term:
    """exp(a) exp(b) c as exp(a + b) c, times exp(more)."""
    exponent = add(_exponent(term), more)
    factors = tuple((a, e) for a, e in term.factors if not exponential(a))
    joined = ((Function("exp", exponent), 1),) if exponent.terms else ()
    return Term(term.coefficient, (*factors, *joined), term.bound)


def _exponent(term: Term) -> Expr:
    return add(*(_times(a.children()[0], e) for a, e in term.factors if exponential(a)))


def _largest(term: Term, names: set[str]) -> Expr | None:
    """The largest exponent that occurs in a term, over its bound indices and where its conditions hold."""
    exponent = _exponent(term)
    if not exponent.terms:
        return ZERO
    conditions = tuple((a, 1) for a, _ in term.factors if a.boolean)
    over = tuple(i for i in term.bound if i in exponent.free)
    conditions = tuple(c for c in conditions if c[0].free <= exponent.free)
    if conditions:
        exponent = add(exponent, atom(Function("log", Expr((Term(1, conditions),)))))
    if not over:
        return exponent
    taken = set(names) | {i.name for i in exponent.free}
    renaming: dict[Index, Index] = {}
    for index in over:
        renaming[index] = fresh(index, taken)
        taken.add(renaming[index].name)
    body = exponent.substitute({i: Affine.of(j) for i, j in renaming.items()})
    return atom(Maximum(body, tuple(renaming.values())))

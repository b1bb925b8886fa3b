"""Sums of terms under conditions that exclude one another: what is chosen is computed, and one pass over it chooses.

[c] a + [not c] b             is a where c holds, else b
[l < x < h] x + [x ≥ h] h + [x ≤ l] l   is x, clipped to l and h
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.calculus.cases import negation
from derive.core.atoms import Atom, Bracket, Function, Paren, Test
from derive.core.terms import Expr, Term, atom, expr, from_term, multiply
from derive.lowering.conditions import tests, without_tests


@dataclass(frozen=True)
class Choice:
    """`first` where the condition holds, `second` where its opposite does."""

    condition: Atom
    opposite: Atom
    first: Expr
    second: Expr


def choice(first: Term, second: Term) -> Choice | None:
    """[c] a + [not c] b; of data c is the strict comparison, of either the equation."""
    for condition, _ in first.factors:
        if not isinstance(condition, (Test, Bracket)) or not condition.free.isdisjoint(first.bound):
            continue
        opposite = negation(condition)
        held = next((a for a, _ in second.factors if a == opposite and a.free.isdisjoint(second.bound)), None)
        if held is not None:
            a, b = _without(first, condition), _without(second, held)
            asked = condition.relation in ((">", "==") if isinstance(condition, Test) else (">=", "=="))
            return Choice(condition, held, a, b) if asked else Choice(held, condition, b, a)
    return None


def _without(term: Term, condition: Atom) -> Expr:
    return from_term(Term(term.coefficient, tuple(f for f in term.factors if f[0] != condition), term.bound))


def spread(term: Term) -> Expr | None:
    """y ([c] 2 + [not c] 3) as [c] 2 y + [not c] 3 y, where numbers are chosen from: a choice of arrays is as fast."""
    if term.bound:
        return None
    for place, (factor, exponent) in enumerate(term.factors):
        if not isinstance(factor, Paren) or exponent != 1 or len(factor.body.terms) != 2:
            continue
        found = choice(*factor.body.terms)
        if found is None or found.first.free or found.second.free:
            continue
        rest = term.factors[:place] + term.factors[place + 1 :]
        others = from_term(Term(term.coefficient, rest))
        if others.free >= factor.free:
            return Expr(tuple(t for part in factor.body.terms for t in multiply(others, from_term(part)).terms))
    return None


@dataclass(frozen=True)
class Clip:
    """x, but no less than `low` and no more than `high`; `terms` are those of the sum."""

    of: Expr
    low: Expr
    high: Expr
    terms: tuple[Term, ...]


def clip(terms: Sequence[Term]) -> Clip | None:
    """[l < x][x < h] x + [x ≥ h] h + [x ≤ l] l; a bound of 0 has no term."""
    for middle in terms:
        found = tests(middle)
        value = without_tests(middle)
        if len(found) != 2 or any(t.relation != ">" for t in found) or not value.free:
            continue
        for below, above in (found, found[::-1]):
            low, high = value - below.argument, value + above.argument
            if low.constant is None or high.constant is None or low.constant >= high.constant:
                continue
            parts = [_bound(terms, Test(">=", value - high), high), _bound(terms, Test(">=", low - value), low)]
            if None not in parts:
                return Clip(value, low, high, (middle, *(t for part in parts if part for t in part)))
    return None


def _bound(terms: Sequence[Term], beyond: Test, bound: Expr) -> tuple[Term, ...] | None:
    """The term that is the bound beyond it."""
    if bound.constant == 0:
        return ()
    wanted = multiply(bound, atom(beyond))
    return next(((t,) for t in terms if from_term(t) == wanted), None)


def less_one(first: Term, second: Term) -> tuple[int, Expr] | None:
    """The sign and the argument of exp(u) - 1, or 1 - exp(u)."""
    if second.factors or second.bound or first.bound or len(first.factors) != 1:
        return None
    factor, exponent = first.factors[0]
    if not isinstance(factor, Function) or factor.name != "exp" or abs(first.coefficient) != 1:
        return None
    if second.coefficient != -first.coefficient:
        return None
    return int(first.coefficient), multiply(factor.argument, expr(exponent))

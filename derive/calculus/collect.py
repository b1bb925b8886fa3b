"""Collect and expand: a b + a c = a (b + c), and back."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

from derive.core.atoms import Atom, Paren
from derive.core.terms import Expr, Rational, Term, add, expr, from_term, multiply, rational, total
from derive.core.traverse import transform

MAX_TERMS = 48


def collect(value: Expr) -> Expr:
    """Pull common factors out of sums, at every depth: the largest group of terms first."""
    return transform(value, _collect_here)


def _collect_here(value: Expr) -> Expr:
    while len(value.terms) > 1:
        groups: dict[Atom, list[Term]] = {}
        for term in value.terms:
            for factor, exponent in term.factors:
                if exponent and factor.free.isdisjoint(term.bound):
                    groups.setdefault(factor, []).append(term)
        shared = {a: ts for a, ts in groups.items() if len(ts) > 1 and _same_sign(a, ts) and _worth(a, ts, value)}
        if not shared:
            return _common_number(value)
        factor = max(shared, key=lambda a: (len(shared[a]), bool(a.free), a.key))
        terms = shared[factor]
        common = {a: _least(a, terms) for a in groups if all(_power(a, t) for t in terms) and _same_sign(a, terms)}
        outside = from_term(Term(1, tuple(common.items())))
        inside = add(*(_without(t, common) for t in terms))
        rest = Expr(tuple(t for t in value.terms if not any(t is u for u in terms)))
        collected = multiply(outside, _common_number(inside))
        if not rest.terms:
            return collected
        # Each round makes one term out of several, so this ends.
        value = add(rest, collected)
    return value


def _worth(factor: Atom, terms: list[Term], value: Expr) -> bool:
    """a/n + b/n + c is no simpler as (a + b)/n + c: a size or a number is divided by once for all terms, or in each."""
    return bool(factor.free) or len(terms) == len(value.terms) or _power(factor, terms[0]) > 0


def _power(factor: Atom, term: Term) -> Rational:
    return next((e for a, e in term.factors if a == factor and a.free.isdisjoint(term.bound)), 0)


def _same_sign(factor: Atom, terms: list[Term]) -> bool:
    powers = [_power(factor, t) for t in terms]
    return all(p > 0 for p in powers) or all(p < 0 for p in powers)


def _least(factor: Atom, terms: list[Term]) -> Rational:
    powers = [_power(factor, t) for t in terms]
    return min(powers) if powers[0] > 0 else max(powers)


def _without(term: Term, common: dict[Atom, Rational]) -> Expr:
    factors = tuple((a, rational(e - common.get(a, 0))) for a, e in term.factors)
    return from_term(Term(term.coefficient, tuple((a, e) for a, e in factors if e), term.bound))


def _common_number(value: Expr) -> Expr:
    """2 a - 2 b = 2 (a - b), -2 a - 2 b = -2 (a + b), a/2 - b/2 = (a - b)/2; a/2 + b is no simpler as (a + 2 b)/2."""
    if len(value.terms) < 2:
        return value
    numbers = [Fraction(t.coefficient) for t in value.terms]
    common = Fraction(gcd(*(n.numerator for n in numbers)), _lcm([n.denominator for n in numbers]))
    if common == 1:
        return value
    before, after = (sum(abs(n / unit) != 1 for n in numbers) for unit in (1, common))
    if common.denominator > 1 and after + 1 > before:
        return value
    if all(n < 0 for n in numbers):
        common = -common
    return multiply(expr(rational(common)), Expr(tuple(t.scaled(1 / common) for t in value.terms)))


def _lcm(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result = result * number // gcd(result, number)
    return result


def expand(value: Expr) -> Expr:
    """Multiply out sums in products, at every depth, as long as that gives no more than MAX_TERMS terms."""
    return transform(value, _expand_here)


def _expand_here(value: Expr) -> Expr:
    pending, done = list(value.terms)[::-1], []
    while pending:
        term = pending.pop()
        place = next((n for n, (a, e) in enumerate(term.factors) if isinstance(a, Paren) and e == 1), None)
        if place is None:
            done.append(term)
            continue
        paren = term.factors[place][0]
        assert isinstance(paren, Paren)
        if len(pending) + len(done) + len(paren.body.terms) > MAX_TERMS:
            return value
        rest = from_term(Term(term.coefficient, term.factors[:place] + term.factors[place + 1 :]))
        for part in reversed(paren.body.terms):
            pending.extend(total(multiply(rest, from_term(part)), term.bound).terms)
    return add(*(Expr((t,)) for t in done))

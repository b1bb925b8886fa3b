"""Square roots of numbers and sizes in one product as one, to be read, and to be taken once.

√a / √b = √(a / b)        (√2 / 2) a = a / √2
"""

from __future__ import annotations

from fractions import Fraction

from derive.core.atoms import Paren
from derive.core.terms import Expr, Factor, Term, rational

HALF = Fraction(1, 2)


def joined_roots(term: Term) -> Term:
    """The term with those square roots as one that have no indices. A root is taken of what is not negative."""
    roots = [(a, e) for a, e in term.factors if e in (HALF, -HALF) and not a.free]
    if not roots:
        return term
    number, inside = _under_one_root(roots)
    coefficient = Fraction(term.coefficient)
    if coefficient.numerator in (1, -1) and (coefficient**2 * number).numerator == 1 and coefficient**2 * number != 1:
        # c √(n a) = ±√(c² n a), where that is one over the root of an integer.
        number, coefficient = number * coefficient**2, Fraction(coefficient.numerator)
    elif len(roots) == 1:
        return term
    place = term.factors.index(roots[0])
    before, behind = term.factors[:place], term.factors[place:]
    factors = (*before, *_root(number, inside), *behind)
    return Term(rational(coefficient), tuple(f for f in factors if f not in roots), term.bound)


def _under_one_root(roots: list[Factor]) -> tuple[Fraction, list[Factor]]:
    """The rational number under all the roots, and the other factors there."""
    number, inside = Fraction(1), list[Factor]()
    for factor, exponent in roots:
        sign = 1 if exponent > 0 else -1
        constant = factor.body.constant if isinstance(factor, Paren) else None
        if constant is None:
            inside.append((factor, sign))
        else:
            number *= Fraction(constant) ** sign
    return number, inside


def _root(number: Fraction, inside: list[Factor]) -> list[Factor]:
    """√(number · inside) as one factor, below the line where nothing is above it."""
    turned = number.numerator == 1 and all(e < 0 for _, e in inside)
    sign = -1 if turned else 1
    body = Term(rational(1 / number if turned else number), tuple((a, e * sign) for a, e in inside))
    if not body.factors and body.coefficient == 1:
        return []
    return [(Paren(Expr((body,))), HALF * sign)]

"""What can be said of the sign of an expression without its data: 1 + x² > 0, so that dividing by it never fails."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import product

from derive.core.atoms import Atom, Function, Maximum, Paren, Read
from derive.core.axes import Affine
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, Rational, Term, atom, read
from derive.core.traverse import atoms
from derive.lowering.conditions import LOWEST, larger

Symbols = Mapping[str, Symbol]


class Sign(IntEnum):
    """Any, at least zero, or greater than zero."""

    ANY = 0
    NONNEGATIVE = 1
    POSITIVE = 2


OF_FUNCTION = {
    "exp": Sign.POSITIVE,
    "cosh": Sign.POSITIVE,
    "sigmoid": Sign.POSITIVE,
    "softplus": Sign.POSITIVE,
    "abs": Sign.NONNEGATIVE,
}


def sign(value: Expr, symbols: Symbols) -> Sign:
    """The sign of a sum: that of its terms where they agree."""
    signs = [_term(t, symbols) for t in value.terms]
    if not signs or Sign.ANY in signs:
        return Sign.ANY if signs else Sign.NONNEGATIVE
    return max(signs)


def _term(term: Term, symbols: Symbols) -> Sign:
    if term.coefficient < 0:
        return Sign.ANY
    return min((power_sign(a, e, symbols) for a, e in term.factors), default=Sign.POSITIVE)


def power_sign(factor: Atom, exponent: Rational, symbols: Symbols) -> Sign:
    """The sign of a power, where it is defined."""
    base = _atom(factor, symbols)
    if isinstance(exponent, int) and exponent % 2:
        return base
    return max(base, Sign.NONNEGATIVE)


def _atom(factor: Atom, symbols: Symbols) -> Sign:
    if factor.boolean:
        return Sign.NONNEGATIVE
    match factor:
        case Paren():
            return sign(factor.body, symbols)
        case Function():
            return OF_FUNCTION.get(factor.name, Sign.ANY)
        case Read(at=()):
            symbol = symbols.get(factor.tensor)
            return Sign.POSITIVE if symbol is None or symbol.role is Role.SIZE else Sign.ANY
    return Sign.ANY


def power_defined(factor: Atom, exponent: Rational, symbols: Symbols) -> bool:
    """Is the power finite, whatever the data?"""
    if exponent > 0:
        return isinstance(exponent, int) or _atom(factor, symbols) >= Sign.NONNEGATIVE
    return _atom(factor, symbols) is Sign.POSITIVE


def function_defined(factor: Function, symbols: Symbols) -> bool:
    """Does a function that is not finite everywhere stay finite at its argument, whatever the data?"""
    if factor.name == "log":
        return sign(factor.argument, symbols) is Sign.POSITIVE
    if factor.name != "exp":
        return False
    negated = Expr(tuple(t.scaled(-1) for t in factor.argument.terms))
    return sign(negated, symbols) >= Sign.NONNEGATIVE or lowered_by_maximum(factor.argument)


def lowered_by_maximum(value: Expr) -> bool:
    """Is it x_j - max_k x_k, or x_j - max(max_k x_k, c)?"""
    for largest in {a for a in atoms(value) if isinstance(a, Maximum)}:
        bounds = (atom(largest), larger(atom(largest), read(LOWEST)))
        for chosen in product(sorted(value.free, key=lambda i: i.name), repeat=len(largest.over)):
            entry = largest.body.substitute({k: Affine.of(j) for k, j in zip(largest.over, chosen, strict=True)})
            if any(entry - value == bound for bound in bounds):
                return True
    return False


def defined(factor: Atom, exponent: Rational, symbols: Symbols) -> bool:
    """Is a power finite, with all that is inside it, whatever the data?"""
    if not power_defined(factor, exponent, symbols):
        return False
    if isinstance(factor, Function) and factor.name == "log" and not function_defined(factor, symbols):
        return False
    return all(defined(a, e, symbols) for child in factor.children() for t in child.terms for a, e in t.factors)

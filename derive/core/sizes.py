"""Sizes as expressions: what a sum over an index that nothing depends on is worth."""

from __future__ import annotations

from fractions import Fraction

import sympy

from derive.core.terms import Expr, add, apply, expr, multiply, power, read
from derive.errors import InternalError


def size_value(size: sympy.Expr) -> Expr:
    """A size or an option, written in SymPy, as an expression over reads of its names."""
    if isinstance(size, int):
        return expr(size)
    if size.is_Rational:
        return expr(Fraction(int(size.p), int(size.q)))
    if size.is_Symbol:
        return read(str(size))
    if size.is_Add:
        return add(*(size_value(a) for a in size.args))
    if size.is_Mul:
        return multiply(*(size_value(a) for a in size.args))
    if size.is_Pow and size.args[1].is_Rational:
        return power(size_value(size.args[0]), Fraction(int(size.args[1].p), int(size.args[1].q)))
    if isinstance(size, sympy.floor):
        # One fraction: a difference of two would be rounded before its floor is taken.
        above, below = one_fraction(size.args[0])
        return apply("floor", multiply(size_value(above), power(size_value(below), -1)))
    raise InternalError(f"size {size} is made of {type(size).__name__}")


def one_fraction(size: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """A quotient of sizes as a numerator and a denominator: n/2 - k/2 is (n - k) / 2."""
    above, below = sympy.fraction(sympy.together(size))
    if all(number.q == 1 for number in above.atoms(sympy.Rational)):
        return above, below
    # SymPy distributes a number over a sum where it can, and only puts together what has been multiplied out.
    return sympy.fraction(sympy.together(sympy.expand(size)))


def settled(size: sympy.Expr) -> sympy.Expr:
    """A size with the constant under each floor between 0 and 1, so that the difference of equal ones is 0.

    floor(n/2 - 1/2) + 1 is floor((n + 1)/2).
    """
    if not size.has(sympy.floor):
        return size
    parts = [settled(part) for part in size.args]
    if not isinstance(size, sympy.floor):
        return size.func(*parts)
    argument = sympy.expand(parts[0])
    whole = sympy.floor(argument.as_coeff_Add()[0])
    return sympy.floor(argument - whole) + whole if whole else sympy.floor(parts[0])

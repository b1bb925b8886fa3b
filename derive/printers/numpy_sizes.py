"""Spell numbers and expressions in sizes as Python: floor(a / b) is a // b."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy

from derive.core.sizes import one_fraction
from derive.errors import InternalError

COMPARE, AND, ADD, MUL, UNARY, POWER, ATOM = range(7)
"""How tightly an expression binds, loosest first."""
Printed = tuple[str, int]

# Integers beyond these are written as floats: an array of floats takes no larger ones.
LARGEST_INTEGER = 2**53


def size_code(size: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Printed:
    """An expression in sizes and options; `names` stand for whole expressions."""
    if size in names:
        text = names[size]
        return text, ATOM
    if size.is_Symbol:
        return str(size), ATOM
    if size.is_Rational:
        return number_text(Fraction(int(size.p), int(size.q)))
    if size.is_Add:
        return _sum_code(size, names)
    if isinstance(size, sympy.floor):
        return _floor_code(size.args[0], names)
    if size.is_Mul:
        return _product_code(size, names)
    if size.is_Pow and size.args[1].is_Integer and size.args[1] > 0:
        return f"{bound_at(size_code(size.args[0], names), ATOM)}**{size.args[1]}", POWER
    raise InternalError(f"size {size} is made of {type(size).__name__}")


def bound_at(printed: Printed, level: int) -> str:
    text, binds = printed
    return text if binds >= level else f"({text})"


def _sum_code(size: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Printed:
    """Positive terms first, the number last."""
    terms = sorted(size.args, key=lambda a: (a.is_number, a.could_extract_minus_sign(), len(a.args), str(a)))
    if all(a.is_number or a.could_extract_minus_sign() for a in terms):
        terms = sorted(size.args, key=lambda a: (a.could_extract_minus_sign(), str(a)))
    text = ""
    for term in terms:
        negative = term.could_extract_minus_sign()
        shown = bound_at(size_code(-term if negative else term, names), MUL)
        text += f" {'-' if negative else '+'} {shown}" if text else f"-{shown}" if negative else shown
    return text, ADD


def _product_code(size: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Printed:
    if size.could_extract_minus_sign():
        return f"-{bound_at(size_code(-size, names), UNARY)}", UNARY
    above, below = sympy.fraction(size)
    if below != 1:
        return _divided(above, below, names)
    factors = sorted(size.args, key=lambda a: (not a.is_number, len(a.args), str(a)))
    return " * ".join(bound_at(size_code(f, names), UNARY) for f in factors), MUL


def _floor_code(size: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Printed:
    above, below = one_fraction(size)
    return _divided(above, below, names)


def _divided(above: sympy.Expr, below: sympy.Expr, names: Mapping[sympy.Expr, str]) -> Printed:
    return f"{bound_at(size_code(above, names), MUL)} // {bound_at(size_code(below, names), UNARY)}", MUL


def number_text(value: Fraction) -> Printed:
    """An integer, a decimal fraction, or a quotient."""
    if value < 0:
        text, binds = number_text(-value)
        return f"-{text}", min(binds, UNARY)
    if value.denominator == 1 and value.numerator <= LARGEST_INTEGER:
        return str(value.numerator), ATOM
    if value.denominator == 1 or Fraction(repr(float(value))) == value:
        return repr(float(value)), ATOM
    return f"{value.numerator} / {value.denominator}", MUL

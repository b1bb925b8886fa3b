"""The table of scalar functions: a row is a function's name and its derivative in terms of its input x and output y.

A row is the only place where a function's mathematics stands. The printers hold a spelling for each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import sympy

from derive.core.terms import ZERO, Expr, apply, power, read

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Primitive:
    """A scalar function: its derivative, its SymPy form and its value; `domain` is where it is real and smooth."""

    name: str
    derivative: Callable[[Expr, Expr], Expr]
    sympy: Callable[[sympy.Expr], sympy.Expr]
    value: Callable
    domain: tuple[float, float] = (-math.inf, math.inf)
    # Does complex step see the derivative?
    analytic: bool = True


def _sign_value(x):
    """Of a complex number near the real axis, that of its real part."""
    real = x.real if isinstance(x, complex) else x
    return (real > 0) - (real < 0)


def _sigmoid_value(x):
    """exp of a number that is never positive, so that nothing overflows."""
    import cmath

    if isinstance(x, complex):
        return 1 / (1 + cmath.exp(-x)) if x.real >= 0 else cmath.exp(x) / (1 + cmath.exp(x))
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus_value(x):
    import cmath

    if isinstance(x, complex):
        return cmath.log(1 + cmath.exp(x)) if x.real < 0 else x + cmath.log(1 + cmath.exp(-x))
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _abs_value(x):
    """Of a complex number near the real axis, the continuation from there: what the complex step needs."""
    return (x if x.real >= 0 else -x) if isinstance(x, complex) else abs(x)


def _erf_value(x):
    """Of a complex number x + iy, the series of Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.29."""
    if not isinstance(x, complex):
        return math.erf(x)
    x, y = x.real or 1e-30, x.imag
    real = (1 - math.cos(2 * x * y)) / (4 * x)
    imaginary = math.sin(2 * x * y) / (4 * x)
    for n in range(1, 13):
        weight = math.exp(-n * n / 4) / (n * n + 4 * x * x)
        wide, narrow = 2 * x * math.cosh(n * y), n * math.sinh(n * y)
        real += weight * (2 * x - wide * math.cos(2 * x * y) + narrow * math.sin(2 * x * y))
        imaginary += weight * (wide * math.sin(2 * x * y) + narrow * math.cos(2 * x * y))
    return math.erf(x) + 2 / math.pi * math.exp(-x * x) * complex(real, imaginary)


def _either(name: str) -> Callable:
    """math's function for a real number, cmath's for a complex one."""

    def value(x):
        import cmath

        return getattr(cmath, name)(x) if isinstance(x, complex) else getattr(math, name)(x)

    return value


def sigmoid_form(x: sympy.Expr) -> sympy.Expr:
    return 1 / (1 + sympy.exp(-x))


def softplus_form(x: sympy.Expr) -> sympy.Expr:
    return sympy.log(1 + sympy.exp(x))


PRIMITIVES = {
    row.name: row
    for row in (
        Primitive("exp", lambda x, y: y, sympy.exp, _either("exp")),
        Primitive("log", lambda x, y: 1 / x, sympy.log, _either("log"), domain=(0, math.inf)),
        Primitive("sin", lambda x, y: apply("cos", x), sympy.sin, _either("sin")),
        Primitive("cos", lambda x, y: -apply("sin", x), sympy.cos, _either("cos")),
        Primitive("sinh", lambda x, y: apply("cosh", x), sympy.sinh, _either("sinh")),
        Primitive("cosh", lambda x, y: apply("sinh", x), sympy.cosh, _either("cosh")),
        Primitive("tanh", lambda x, y: 1 - y**2, sympy.tanh, _either("tanh")),
        Primitive("atan", lambda x, y: 1 / (1 + x**2), sympy.atan, _either("atan")),
        Primitive("erf", lambda x, y: 2 * power(read("pi"), -HALF) * apply("exp", -(x**2)), sympy.erf, _erf_value),
        Primitive("sigmoid", lambda x, y: y * (1 - y), sigmoid_form, _sigmoid_value),
        Primitive("softplus", lambda x, y: apply("sigmoid", x), softplus_form, _softplus_value),
        Primitive("abs", lambda x, y: apply("sign", x), sympy.Abs, _abs_value, analytic=False),
        # At 0 it is 0, and so is the slope of |x| there.
        Primitive("sign", lambda x, y: ZERO, sympy.sign, _sign_value, analytic=False),
    )
}

"""Every row of the table of primitives against SymPy, and its value against NumPy."""

import math

import pytest
import sympy

from derive.core.primitives import PRIMITIVES
from derive.core.terms import apply, read
from derive.language.sympy_form import to_sympy

POINTS = [-2.3, -0.7, 0.4, 1.9]


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_the_derivative_is_sympys(name):
    row = PRIMITIVES[name]
    x = sympy.Symbol("x", real=True)
    ours = to_sympy(row.derivative(read("x"), apply(name, read("x"))))
    theirs = sympy.diff(row.sympy(x), x)
    for point in POINTS:
        if row.domain[0] < point < row.domain[1]:
            left, right = (complex(e.subs(x, point).evalf()) for e in (ours, theirs))
            assert left == pytest.approx(right, rel=1e-12), (name, point)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_the_value_is_sympys(name):
    row = PRIMITIVES[name]
    for point in POINTS:
        if row.domain[0] < point < row.domain[1]:
            assert row.value(point) == pytest.approx(float(row.sympy(sympy.Float(point))), rel=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh"])
def test_values_at_large_arguments_are_finite(name):
    assert all(math.isfinite(PRIMITIVES[name].value(x)) for x in (-1000.0, 1000.0))

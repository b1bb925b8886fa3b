"""Values under conditions that exclude one another, and roots of numbers: what is read, and what is computed."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy import Eq, Ne, Sum, exp, pi, sqrt

from derive.core.atoms import Test
from derive.core.axes import Index
from derive.core.terms import apply, atom, power, read
from derive.language import Real, Tensor, axes, define, iverson, layer, leading, where
from derive.lowering.choices import choice, clip, less_one, negation, spread
from derive.lowering.render import compiled, numpy_source
from derive.notation.roots import joined_roots
from derive.printers.style import decimal

i = Index("i", sympy.Symbol("n", integer=True, positive=True))
x, y = read("x", i), read("y", i)
above, below = atom(Test(">", x)), atom(Test(">=", -x))

a, b = axes("a=n b=n")


# Some have no leading axes, over which a loop would get in the way.
@layer
def piecewise(X: Tensor[a], Z: Tensor[a], *, slope: Real() = 0.5):
    return define("Y", (a,), where(X[a] > 1, Z[a], slope * X[a]) + where(X[a] <= 0, 2, Z[a] ** 2))


@layer
def sloped(X: Tensor[...], Z: Tensor[...]):
    return define("Y", (...,), Z[...] * where(X[...] > 0, 1, 3))


@layer
def step(X: Tensor[...]):
    return define("Y", (...,), where(X[...] > 0, 1, 3))


@layer
def ramp(X: Tensor[...]):
    inside = iverson(X[...] > 0) * iverson(X[...] < 6)
    return define("Y", (...,), X[...] * inside + 6 * iverson(X[...] >= 6))


@layer
def off_diagonal(X: Tensor[a, b], Z: Tensor[a, b]):
    return define("Y", (a, b), where(Eq(a, b), X[a, b], Z[a, b]))


@layer
def same_off_diagonal(X: Tensor[a, b], Z: Tensor[a, b]):
    return define("Y", (a, b), where(Ne(a, b), Z[a, b], X[a, b]))


@layer
def saturating(X: Tensor[a]):
    return define("Y", (a,), 1 - exp(-2 * X[a]))


@layer
def normal_density(X: Tensor[a]):
    return define("Y", (a,), exp(-(X[a] ** 2) / 2) / sqrt(2 * pi))


@layer
def scaled_rows(X: Tensor[a, b], r: Tensor[a]):
    return define("Y", (a, b), 2 * r[a] * X[a, b] / a.size)


@layer
def cubes(X: Tensor[...]):
    return define("L", (), Sum(X[...] ** 3, leading))


@layer
def fourth_powers(X: Tensor[...]):
    return define("L", (), Sum(X[...] ** 4, leading))


CODE = [
    (piecewise, "Y = _where(X > 1, Z, slope * X) + _where(X > 0, Z**2, 2)"),
    (sloped, "Y = _where(X > 0, Z, 3 * Z)"),
    (ramp, "Y = np.clip(X, 0, 6)"),
    (off_diagonal, "Y = np.where(np.arange(n)[:, None] == np.arange(n), X, Z)"),
    (same_off_diagonal, "Y = np.where(np.arange(n)[:, None] == np.arange(n), X, Z)"),
    (saturating, "Y = -np.expm1(-2 * X)"),
    (normal_density, "Y = np.exp(-0.5 * X**2) / math.sqrt(2 * math.pi)"),
    # numbers go to the smallest array
    (scaled_rows, "Y = (2 / n * r)[:, None] * X"),
    (cubes, "L = np.vdot(X**2, X)"),
    (fourth_powers, "L = np.vdot(part, part)"),
]


@pytest.mark.parametrize(("of", "line"), CODE, ids=[of.name for of, _ in CODE])
def test_one_pass_chooses(of, line):
    assert f"    {line}\n" in numpy_source(of)


def test_a_choice_between_numbers_keeps_the_type():
    for dtype in ("float32", "float64"):
        Y, _ = compiled(step).step_fwd(np.array([-1, 2], dtype))
        assert Y.dtype == dtype and Y.tolist() == [3, 1]


def test_what_is_not_chosen_raises_nothing():
    @layer
    def either(X: Tensor[...]):
        return define("Y", (...,), where(X[...] > 0, 1 / X[...], exp(X[...])))

    with np.errstate(all="raise", under="ignore"):
        Y, residuals = compiled(either).either_fwd(np.array([-1.0, 0.0, 1000.0]))
        (dX) = compiled(either).either_bwd(residuals, np.ones(3))
    np.testing.assert_allclose(Y, [math.exp(-1), 1, 1e-3])
    np.testing.assert_allclose(dX, [math.exp(-1), 1, -1e-6])


def test_two_terms_are_a_choice_where_their_conditions_exclude_one_another():
    (first,), (second,) = (above * y).terms, (below * 2).terms
    found = choice(first, second)
    assert (found.first, found.second) == (y, 2 * power(x, 0))
    assert choice(first, (above * 2).terms[0]) is None
    assert negation(negation(Test(">", x))) == Test(">", x)


def test_numbers_that_are_chosen_are_multiplied_in():
    (term,) = (y * (above + 3 * below)).terms
    assert spread(term) == above * y + 3 * below * y
    (mixed,) = (y * (above * x + below)).terms
    assert spread(mixed) is None


def test_a_value_within_bounds_is_clipped():
    inside = atom(Test(">", x + 1)) * atom(Test(">", 2 - x))
    whole = x * inside + 2 * atom(Test(">=", x - 2)) - atom(Test(">=", -x - 1))
    found = clip(whole.terms)
    assert (found.low.constant, found.high.constant, len(found.terms)) == (-1, 2, 3)
    assert clip((x * inside + 3 * atom(Test(">=", x - 2)) - atom(Test(">=", -x - 1))).terms) is None
    assert clip((x * inside + 2 * atom(Test(">=", x - 2))).terms) is None


def test_an_exponential_less_one_is_seen_with_its_sign():
    (e,), (one,) = apply("exp", 2 * x).terms, (power(x, 0)).terms
    assert less_one(e, one.scaled(-1)) == (1, 2 * x)
    assert less_one(e.scaled(-1), one) == (-1, 2 * x)
    assert less_one(e, one) is None and less_one(e.scaled(2), one.scaled(-2)) is None


# roots and decimals

HALF = Fraction(1, 2)
n, pi_read = read("n"), read("pi")


def root(value):
    return power(value, HALF)


ROOTS = [
    (root(2 * power(x, 0)) / root(pi_read) * y, y * root(2 / pi_read)),
    (HALF * root(2 * power(x, 0)) * y, y / root(2 * power(x, 0))),
    (HALF * root(2 * power(x, 0)) / root(pi_read) * y, y / root(2 * pi_read)),
    (y / root(n), y / root(n)),
    (3 * y * root(n), 3 * y * root(n)),
    (root(x) * root(y), root(x) * root(y)),
]


@pytest.mark.parametrize(("value", "expected"), ROOTS, ids=[str(k) for k in range(len(ROOTS))])
def test_roots_of_numbers_and_sizes_are_one(value, expected):
    (term,) = value.terms
    (wanted,) = expected.terms
    found = joined_roots(term)
    assert found.coefficient == wanted.coefficient
    assert {str(f) for f in found.factors} == {str(f) for f in wanted.factors}


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (Fraction(8943, 200000), "0.044715"),
        (Fraction(-1, 100), "-0.01"),
        (Fraction(1, 10), "0.1"),
        (Fraction(1001, 1000), "1.001"),
        (Fraction(1, 2), None),
        (Fraction(3, 4), None),
        (Fraction(1, 3), None),
        (7, None),
    ],
)
def test_a_fraction_is_a_decimal_where_that_is_shorter(number, shown):
    assert decimal(number) == shown
    assert shown is None or Fraction(shown) == number

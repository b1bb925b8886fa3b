"""The oracle against plain NumPy, and its conventions one by one."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy import Sum, exp, log, sqrt

from derive.core.atoms import Bracket, Partial, Read, Test
from derive.core.axes import Affine, Index
from derive.core.terms import apply, atom, multiply, read, total
from derive.errors import CheckError
from derive.language.definition import (
    Integer,
    Max,
    Parameter,
    Real,
    Tensor,
    axes,
    define,
    iverson,
    layer,
    leading,
    where,
)
from derive.layers.activations.softmax import softmax
from derive.layers.convolutions.toeplitz import toeplitz
from derive.layers.linear_maps.linear import linear
from derive.layers.networks.mlp import mlp
from derive.witnesses.entries import bind
from derive.witnesses.exact import Dual, exact_gradient, rational
from derive.witnesses.interpret import Oracle, interpret

i, j, k, t = axes("i=n j=m k=K t=n")
I, J = Index("i", sympy.Symbol("n")), Index("j", sympy.Symbol("m"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("group", [(), (4,), (2, 3)])
def test_contraction_over_any_leading_axes(rng, group):
    X, W, b = rng.normal(size=(*group, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)
    values = interpret(linear, {"X": X, "W": W, "b": b})
    assert values["Y"].shape == (*group, 5)
    np.testing.assert_allclose(values["Y"], X @ W + b, rtol=1e-14)


def test_reads_outside_are_zero(rng):
    x, w = rng.normal(size=5), rng.normal(size=3)
    y = interpret(toeplitz, {"x": x, "w": w}, {"padding": 2})["y"]
    np.testing.assert_allclose(y, np.correlate(np.pad(x, 2), w, "valid"), rtol=1e-13)


def test_options_have_defaults(rng):
    x, w = rng.normal(size=5), rng.normal(size=2)
    np.testing.assert_allclose(interpret(toeplitz, {"x": x, "w": w})["y"], np.correlate(x, w, "valid"), rtol=1e-13)


def test_calls_interpret_the_callee(rng):
    shapes = {"X": (2, 3), "W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    hidden = np.maximum(arrays["X"] @ arrays["W1"] + arrays["b1"], 0)
    expected = hidden @ arrays["W2"] + arrays["b2"]
    np.testing.assert_allclose(interpret(mlp, arrays)[mlp.outputs[0]], expected, rtol=1e-13)


def test_complex_numbers_pass_through(rng):
    S = rng.normal(size=(2, 4))
    moved = S + 0j
    moved[1, 2] += 1e-30j
    derivative = interpret(softmax, {"S": moved})["P"].imag / 1e-30
    P = np.exp(S) / np.exp(S).sum(1, keepdims=True)
    expected = np.zeros((2, 4))
    expected[1] = P[1] * ((np.arange(4) == 2) - P[1, 2])
    np.testing.assert_allclose(derivative, expected, atol=1e-16)


def test_fractions_stay_exact():
    X = np.array([[Fraction(1, 3), Fraction(1, 7)]], object)
    W = np.array([[Fraction(2)], [Fraction(1, 5)]], object)
    Y = interpret(linear, {"X": X, "W": W, "b": np.array([Fraction(1, 2)], object)})["Y"]
    assert Y[0, 0] == Fraction(2, 3) + Fraction(1, 35) + Fraction(1, 2)
    assert isinstance(Y[0, 0], Fraction)


def test_constants_are_floats_among_floats_and_exact_among_fractions():
    @layer
    def shares(X: Tensor[i]):
        """c = 1/n, Y = c X"""
        c = define("c", (i,), iverson(i >= 1) / i.size)
        return define("Y", (i,), c[i] * X[i])

    values = interpret(shares, {"X": np.ones(3)})
    assert values["c"].dtype == values["Y"].dtype == float
    values = interpret(shares, {"X": np.array([Fraction(1)] * 3, object)})
    assert values["c"].tolist() == [0, Fraction(1, 3), Fraction(1, 3)]


def test_the_number_of_leading_entries_is_a_size(rng):
    @layer
    def mean_square(X: Tensor[...]):
        """L = Σ X² / |...|"""
        return define("L", (), Sum(X[...] ** 2, leading) / leading.size)

    X = rng.normal(size=(3, 5))
    np.testing.assert_allclose(interpret(mean_square, {"X": X})["L"], (X**2).mean(), rtol=1e-14)


def test_index_conditions_and_tests_on_data(rng):
    @layer
    def lower(X: Tensor[i]):
        """y_i = Σ_t [t <= i] [x_t > 0] log x_t: no value where x is negative, and none asked for."""
        return define("y", (i,), Sum(iverson(t <= i) * where(X[t] > 0, log(X[t])), t))

    X = np.array([2.0, -1.0, 3.0])
    np.testing.assert_allclose(interpret(lower, {"X": X})["y"], np.log([2.0, 2.0, 6.0]), rtol=1e-14)


def test_a_bracket_is_a_strong_zero_whatever_the_order():
    oracle = Oracle({"x": {(0,): -1.0}, "n": {(): 1}})
    log_x = apply("log", read("x", Affine((), 0)))
    assert math.isnan(oracle.expr(log_x, {}))
    for zero in (atom(Test(">", read("x", Affine((), 0)))), atom(Bracket(">=", Affine.build([(I, 1)], -5)))):
        assert oracle.expr(multiply(log_x, zero), {"i": 0}) == 0
        assert oracle.expr(multiply(zero, log_x), {"i": 0}) == 0


def test_a_bound_index_may_have_the_name_of_one_outside():
    """y[j] = Σ_{i,k} [k <= i] x[i], where the sum calls k by the name j: its bracket waits for the inner j."""
    N, M = sympy.symbols("n m", integer=True, positive=True)
    i, j = Index("i", N), Index("j", M)
    inner = total(multiply(atom(Bracket(">=", Affine.build([(i, 1), (j, -1)]))), read("x", i)), [i, j])
    oracle = Oracle({"x": {(0,): 1.0, (1,): 10.0, (2,): 100.0}, "n": {(): 3}, "m": {(): 2}})
    assert [oracle.expr(inner, {"j": value}) for value in range(2)] == [221.0, 221.0]


def test_reads_outside_take_no_part_in_a_maximum():
    @layer
    def pool(X: Tensor[i], w: Tensor[k], *, padding: Integer(0) = 0):
        """The largest entry of each window; all entries are negative, so that a padding of 0 would win."""
        return define("y", (i,), Max(X[i + k - padding] + 0 * w[k], k))

    X = np.array([-3.0, -1.0, -2.0])
    y = interpret(pool, {"X": X, "w": np.zeros(2)}, {"padding": 1})["y"]
    np.testing.assert_array_equal(y, [-3.0, -1.0, -1.0])


def test_real_options_and_fractional_powers(rng):
    @layer
    def root(X: Tensor[i], *, eps: Real() = 1e-5):
        """y = 1 / sqrt(x² + eps)"""
        return define("y", (i,), 1 / sqrt(X[i] ** 2 + eps))

    X = rng.normal(size=3)
    np.testing.assert_allclose(interpret(root, {"X": X})["y"], (X**2 + 1e-5) ** -0.5, rtol=1e-14)
    np.testing.assert_allclose(interpret(root, {"X": X}, {"eps": 2.0})["y"], (X**2 + 2) ** -0.5, rtol=1e-14)


def test_no_value_is_nan():
    @layer
    def root(X: Tensor[i]):
        """y = sqrt(x) / x"""
        return define("y", (i,), sqrt(X[i]) + 1 / X[i])

    assert np.isnan(interpret(root, {"X": np.array([-1.0, 0.0])})["y"]).all()


def test_shapes_that_cannot_be_bound():
    with pytest.raises(CheckError, match=r"linear: W has 2 axes but is given shape \(3,\)"):
        bind(linear, {"X": (3,), "W": (3,), "b": (5,)})


# partial derivatives


def partial_oracle(rng):
    values = interpret(softmax, {"S": rng.normal(size=(1, 3))})
    tensors = {name: dict(zip(np.ndindex(a.shape), a.ravel().tolist(), strict=True)) for name, a in values.items()}
    (equation,) = softmax.equations
    sizes = {"n": {(): 3}, "...": {(): 1}}
    return Oracle(tensors | sizes, {"P": equation}), equation, values["P"][0]


def at(*numbers):
    return tuple(Affine((), n) for n in numbers)


def test_a_partial_derivative_goes_through_one_definition(rng):
    oracle, _, P = partial_oracle(rng)
    derivative = oracle.expr(atom(Partial(read("P", *at(0, 1)), Read("S", at(0, 2)))), {})
    assert derivative == pytest.approx(-P[1] * P[2], rel=1e-14)


def test_names_are_held_in_a_partial_derivative(rng):
    oracle, _, P = partial_oracle(rng)
    square = read("P", *at(0, 1)) ** 2
    assert oracle.expr(atom(Partial(square, Read("S", at(0, 1)))), {}) == 0
    assert oracle.expr(atom(Partial(square, Read("P", at(0, 1)))), {}) == pytest.approx(2 * P[1], rel=1e-14)


def test_a_partial_derivative_by_an_entry_outside_is_zero(rng):
    oracle, _, _ = partial_oracle(rng)
    assert oracle.expr(atom(Partial(read("P", *at(0, 1)), Read("S", at(0, 7)))), {}) == 0


def test_kronecker_deltas(rng):
    oracle, _, _ = partial_oracle(rng)
    same, other = (atom(Partial(read("S", *at(0, 1)), Read("S", at(0, n)))) for n in (1, 2))
    assert (oracle.expr(same, {}), oracle.expr(other, {})) == (1, 0)


# exact derivatives


def test_dual_numbers_follow_the_rules():
    x = Dual(Fraction(3), Fraction(1))
    assert 2 + x * x * Fraction(1, 2) == Dual(Fraction(13, 2), Fraction(3))
    assert x**-2 == Dual(Fraction(1, 9), Fraction(-2, 27))


def test_rational_layers_are_told_from_others():
    assert rational(linear) and rational(toeplitz) and rational(mlp)
    assert not rational(softmax)

    @layer
    def root(X: Tensor[i], W: Parameter[i]):
        """y = sqrt(x²) w"""
        return define("y", (i,), sqrt(X[i] ** 2 + 1) * W[i])

    assert not rational(root)
    assert exp


def test_the_exact_gradient_of_a_product():
    X, W = np.array([[Fraction(1, 3), Fraction(2)]], object), np.array([[Fraction(5)], [Fraction(1, 7)]], object)
    arguments = {"X": X, "W": W, "b": np.array([Fraction(0)], object)}
    gradient = exact_gradient(linear, arguments, {}, "X", (np.array([[Fraction(3)]], object),))
    assert gradient.tolist() == [[15, Fraction(3, 7)]]

"""The activations: textbook forms, large arguments, kinks, and the error function."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from test_textbook import forms

import numeric
from derive.core.primitives import PRIMITIVES
from derive.layers.activations import elementwise, gated
from derive.loading import layers_of
from derive.lowering.render import compiled
from derive.printers.latex import matrix_latex

FORMS = [
    ("relu", {"X": "G ⊙ [X > 0]"}),
    ("leaky_relu", {"X": "G ⊙ ([X > 0] + slope [X ≤ 0])"}),
    ("elu", {"X": "G ⊙ ([X > 0] + α exp(X) ⊙ [X ≤ 0])"}),
    ("gelu", {"Phi": "G ⊙ X", "X": "G ⊙ (X ⊙ exp(-(1/2) X^{⊙2})/√(2 π) + Φ)"}),
    (
        "gelu_tanh",
        {
            "T": "(1/2) G ⊙ X",
            "X": "(1/2) G ⊙ (√(2/π) X ⊙ (0.134145 X^{⊙2} + 1) ⊙ (1 - T^{⊙2}) + T + 1)",
        },
    ),
    ("silu", {"S": "G ⊙ X", "X": "G ⊙ S ⊙ (X ⊙ (1 - S) + 1)"}),
    ("softplus", {"X": "G ⊙ sigmoid(X)"}),
    ("mish", {"T": "G ⊙ X", "X": "G ⊙ (X ⊙ sigmoid(X) ⊙ (1 - T^{⊙2}) + T)"}),
    ("tanh", {"X": "G ⊙ (1 - Y^{⊙2})"}),
    ("hard_tanh", {"X": "G ⊙ [X > -1] ⊙ [X < 1]"}),
    ("sigmoid", {"X": "G ⊙ Y ⊙ (1 - Y)"}),
    ("glu", {"S": "G ⊙ A", "A": "G ⊙ S", "B": "G ⊙ Y ⊙ (1 - S)"}),
    (
        "geglu",
        {
            "H": "G ⊙ A",
            "Phi": "B ⊙ dH",
            "A": "G ⊙ H",
            "B": "dH ⊙ (B ⊙ exp(-(1/2) B^{⊙2})/√(2 π) + Φ)",
        },
    ),
    ("swiglu", {"H": "G ⊙ A", "S": "B ⊙ dH", "A": "G ⊙ H", "B": "S ⊙ dH ⊙ (B ⊙ (1 - S) + 1)"}),
    (
        "swiglu_feed_forward",
        {
            "Z": "G Uᵀ",
            "H": "A ⊙ dZ",
            "S": "B ⊙ dH",
            "B": "S ⊙ dH ⊙ (B ⊙ (1 - S) + 1)",
            "A": "H ⊙ dZ",
            "X": "dB Wᵀ + dA Vᵀ",
            "W": "Xᵀ dB",
            "V": "Xᵀ dA",
            "U": "Zᵀ G",
        },
    ),
]
LAYERS = {**layers_of(elementwise), **layers_of(gated)}
ENTRYWISE = [name for name in LAYERS if name != "swiglu_feed_forward"]


@cache
def module(name, kind):
    return compiled(LAYERS[name]) if kind == "generated" else numeric


def run(name, kind, *arguments):
    """The output and the gradients for a cotangent of ones; nothing may overflow or be invalid."""
    functions = module(name, kind)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        Y, residuals = getattr(functions, f"{name}_fwd")(*arguments)
        found = getattr(functions, f"{name}_bwd")(residuals, np.ones_like(Y))
    return Y, found if isinstance(found, tuple) else (found,)


def test_every_activation_has_its_form_here():
    assert {name for name, _ in FORMS} == set(LAYERS)


@pytest.mark.parametrize(("name", "expected"), FORMS, ids=[name for name, _ in FORMS])
def test_the_textbook_form(name, expected):
    assert forms(LAYERS[name]) == expected


def test_decimals_are_printed_as_decimals():
    assert forms(LAYERS["gelu_tanh"], matrix_latex)["X"] == (
        r"\frac{1}{2} G \odot \left(\sqrt{2 / \pi} X \odot \left(0.134145 X^{\odot 2} + 1\right) "
        r"\odot \left(1 - T^{\odot 2}\right) + T + 1\right)"
    )


# Where the mathematics is finite, so are the values: what they come to far out.


FAR = {
    "relu": (0, 1000, 0, 1),
    "leaky_relu": (-10, 1000, 0.01, 1),
    "elu": (-1, 1000, 0, 1),
    "gelu": (0, 1000, 0, 1),
    "gelu_tanh": (0, 1000, 0, 1),
    "silu": (0, 1000, 0, 1),
    "softplus": (0, 1000, 0, 1),
    "mish": (0, 1000, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "hard_tanh": (-1, 1, 0, 0),
    "sigmoid": (0, 1, 0, 0),
}


@pytest.mark.parametrize("kind", ["generated", "handwritten"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FAR)
def test_a_thousand_either_way(name, dtype, kind):
    Y, (dX,) = run(name, kind, np.array([-1000, 1000, 0.5], dtype))
    assert Y.dtype == dX.dtype == dtype
    np.testing.assert_allclose([*Y[:2], *dX[:2]], FAR[name], rtol=1e-6)
    assert np.isfinite([Y[2], dX[2]]).all()


@pytest.mark.parametrize("kind", ["generated", "handwritten"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["glu", "geglu", "swiglu"])
def test_a_gate_of_a_thousand_either_way(name, dtype, kind):
    A, B = np.array([2, 3, 4], dtype), np.array([-1000, 1000, 0.5], dtype)
    Y, (dA, dB) = run(name, kind, A, B)
    far = (0, 3, 0, 0) if name == "glu" else (0, 3000, 0, 3)
    np.testing.assert_allclose([*Y[:2], *dB[:2]], far, rtol=1e-6)
    np.testing.assert_allclose(dA * A, Y, rtol=1e-6)


@pytest.mark.parametrize("kind", ["generated", "handwritten"])
def test_the_slope_far_out_keeps_its_digits(kind):
    """S (X + 1 - Y) would be the same, and 0 in float32 where X swallows the 1."""
    for name in ("silu", "mish", "gelu", "gelu_tanh"):
        _, (dX,) = run(name, kind, np.float32([1e4, 1e6]))
        np.testing.assert_allclose(dX, 1, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", ["generated", "handwritten"])
def test_values_near_zero_keep_their_digits(kind):
    small = np.float64([-1e-12])
    np.testing.assert_allclose(run("elu", kind, small)[0], small, rtol=1e-10)
    low = np.float64([-40.0])
    np.testing.assert_allclose(run("softplus", kind, low)[0], np.exp(low), rtol=1e-12)
    np.testing.assert_allclose(run("sigmoid", kind, low)[0], np.exp(low), rtol=1e-12)


KINKS = {"relu": {0: 0}, "leaky_relu": {0: 0.01}, "elu": {0: 1}, "hard_tanh": {-1: 0, 1: 0}}


@pytest.mark.parametrize("kind", ["generated", "handwritten"])
@pytest.mark.parametrize("name", KINKS)
def test_the_slope_at_a_kink_is_that_of_the_equation(name, kind):
    _, (dX,) = run(name, kind, np.array([*KINKS[name]], float))
    assert dX.tolist() == [*KINKS[name].values()]


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_options_reach_the_branch(name):
    X, option = np.array([-1.0, 2.0]), {"leaky_relu": {"slope": 0.25}, "elu": {"alpha": 3.0}}[name]
    for kind in ("generated", "handwritten"):
        Y = getattr(module(name, kind), name)(X, **option)
        np.testing.assert_allclose(Y, [-0.25 if name == "leaky_relu" else 3 * math.expm1(-1), 2])


# the error function


def erf(x):
    """The helper of the generated code, alone: Φ(√2 x) = (1 + erf x) / 2."""
    return compiled(LAYERS["gelu"])._erf(x)


@pytest.mark.parametrize(("dtype", "ulps"), [("float32", 4), ("float64", 4)])
def test_the_error_function_is_right_to_a_few_units(dtype, ulps):
    x = np.concatenate([np.linspace(-7, 7, 4001), np.linspace(0.46, 0.48, 101), np.logspace(-30, 1, 200)]).astype(dtype)
    found = erf(x)
    assert found.dtype == dtype
    expected = np.array([math.erf(v) for v in x.tolist()])
    np.testing.assert_allclose(found, expected, rtol=ulps * np.finfo(dtype).eps)
    assert (found == -erf(-x)).all()


def test_the_error_function_far_out_and_at_what_is_no_number():
    with np.errstate(over="raise", invalid="raise"):
        assert erf(np.float32([1e30, -1e30])).tolist() == [1, -1]
    found = erf(np.array([np.inf, -np.inf, 0.0, -0.0, np.nan]))
    assert found[:4].tolist() == [1, -1, 0, 0] and np.signbit(found[3]) and np.isnan(found[4])


@pytest.mark.parametrize("z", [0.3 + 1e-20j, -2 + 1e-20j, 1e-20j, -1.2 + 0.3j, 0.5 + 1j])
def test_the_error_function_goes_on_into_the_complex_plane(z):
    found, expected = PRIMITIVES["erf"].value(z), complex(mpmath.erf(z))
    assert found.real == pytest.approx(expected.real, rel=1e-13, abs=1e-29)
    assert found.imag == pytest.approx(expected.imag, rel=1e-13)

"""Which values the backward pass computes again, and which the forward pass keeps for it."""

import pytest
from sympy import Sum, exp, sqrt, tanh

from derive.calculus.derivation import gradients
from derive.core.axes import Index
from derive.core.layer import Layer, Role
from derive.core.terms import apply, power, read, total
from derive.language import Parameter, Tensor, axes, define, layer
from derive.loading import load
from derive.lowering.again import cheap
from derive.lowering.lower import prepared
from derive.lowering.render import numpy_source
from derive.witnesses.check import check_layer

d, o = axes("d=D o=O")


def centred(X):
    """The mean of each row, and the inverse of how far the row is from it."""
    mu = define("mu", (...,), Sum(X[..., d], d) / d.size)
    return mu, define("r", (...,), 1 / sqrt(Sum((X[..., d] - mu[...]) ** 2, d) / d.size + 1))


@layer
def standardized(X: Tensor[..., d], g: Parameter[d]):
    """Two operations on an argument and on smaller values."""
    mu, r = centred(X)
    H = define("H", (..., d), (X[..., d] - mu[...]) * r[...])
    return define("Y", (..., d), g[d] * H[..., d])


@layer
def handed_back(X: Tensor[..., d], g: Parameter[d]):
    """The same, which the caller has anyway."""
    mu, r = centred(X)
    H = define("H", (..., d), (X[..., d] - mu[...]) * r[...])
    return define("Y", (..., d), g[d] * H[..., d]), H


@layer
def exponentials(X: Tensor[..., d], g: Parameter[d]):
    """An exponential takes longer than to read what it is."""
    mu, r = centred(X)
    H = define("H", (..., d), exp(X[..., d] - mu[...]) * r[...])
    return define("Y", (..., d), g[d] * H[..., d])


@layer
def long(X: Tensor[..., d], Z: Tensor[..., d], g: Parameter[d]):
    """Many operations."""
    mu, r = centred(X)
    H = define(
        "H", (..., d), X[..., d] * r[...] - mu[...] * Z[..., d] + X[..., d] ** 2 * Z[..., d] - X[..., d] * mu[...]
    )
    return define("Y", (..., d), g[d] * H[..., d] ** 2)


@layer
def matrices(X: Tensor[..., d], g: Parameter[d, o]):
    """A cheap value that goes into a product with one matrix, which no loop makes."""
    R = define("R", (..., d), X[..., d] ** 2 + X[..., d])
    return define("Y", (..., o), Sum(R[..., d] * g[d, o], d))


@layer
def behind(X: Tensor[..., d], g: Parameter[d]):
    """Made of something that is kept for other reasons."""
    E = define("E", (..., d), exp(X[..., d]) + tanh(X[..., d]))
    H = define("H", (..., d), E[..., d] * g[d])
    return define("Y", (..., d), H[..., d] * tanh(H[..., d]) * exp(-(H[..., d] ** 2)))


@layer
def dropped(X: Tensor[..., d], W: Parameter[d, o], B: Tensor[..., o]):
    """Made of something large that is not kept."""
    Z = define("Z", (..., o), Sum(X[..., d] * W[d, o], d))
    H = define("H", (..., o), Z[..., o] + B[..., o])
    return define("Y", (..., o), H[..., o] * tanh(H[..., o]) * exp(-(H[..., o] ** 2)))


@layer
def kept(X: Tensor[d], Z: Tensor[d]):
    """No leading axes, and so no loop."""
    R = define("R", (d,), X[d] - Z[d])
    return define("Y", (d,), R[d] * tanh(R[d]) * exp(-(R[d] ** 2)))


LAYERS = (standardized, handed_back, exponentials, long, matrices, behind, dropped, kept)


def given(of: Layer) -> list[str]:
    """What the backward function is given, without cotangents."""
    _, backward = prepared(gradients(of))
    return [symbol.name for symbol in backward.arguments if symbol.role is not Role.COTANGENT]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (standardized, "X g mu r"),
        (behind, "X g E"),
        (load("layer_norm"), "X gamma mu r"),
        (load("huber"), "Y T"),
        # An output that is handed back anyway, values that cost more, and one for which another would have to be kept.
        (handed_back, "g r H"),
        (exponentials, "X g mu r H"),
        (long, "X Z g mu r H"),
        (dropped, "X W H"),
        # Where the backward function has no loop in which it is dropped.
        (matrices, "X g R"),
        (kept, "R"),
    ],
    ids=lambda of: of.name if isinstance(of, Layer) else "",
)
def test_what_is_kept(of, expected):
    assert given(of) == expected.split()


@pytest.mark.parametrize("of", LAYERS, ids=lambda of: of.name)
def test_the_code_is_right(of):
    report = check_layer(of)
    assert report.ok, f"\n{report}"


def test_it_is_computed_in_the_loop_with_its_equation():
    source = numpy_source(standardized)
    backward = source[source.index("def standardized_bwd") :]
    _, loop = backward.split("for at in _portions(ell, D):\n")
    assert loop.startswith(
        "        # H[..., d] = r[...] (X[..., d] - mu[...])\n        H = X[at] - mu[at][..., None]\n"
    )


i = Index("i", d.size)
x, y = read("x", i), read("y", i)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (x, True),
        (x * y, True),
        (x**2 + y, True),
        ((x - y) * y, True),
        (x * x * y * y * (x + y) - y * 2, False),
        (x**3, False),
        (1 / x, False),
        (power(x, -1) * y, False),
        (apply("exp", x), False),
        (total(x, (i,)), False),
    ],
    ids=str,
)
def test_what_is_cheap(value, expected):
    assert cheap(value) is expected

"""The normalizations: textbook forms, constant rows, rows far from zero, rows of zeros, what changes nothing."""

from functools import cache

import numpy as np
import pytest
from test_textbook import forms

import numeric
from derive.calculus.derivation import gradients
from derive.loading import load
from derive.lowering.render import compiled
from derive.printers.latex import matrix_latex
from derive.printers.text import index_text

ROWS = {"gamma": "(G ⊙ xhat)ᵀ 1", "beta": "Gᵀ 1"}
FORMS = [
    (
        "layer_norm",
        {
            "xhat": "G diag(γ)",
            "r": "(dxhat ⊙ (X - μ 1ᵀ)) 1",
            "var": "-(1/2) r^{⊙2} ⊙ ((xhat ⊙ dxhat) 1)",
            "mu": "-r ⊙ (dxhat 1)",
            "X": "diag(r) (dxhat - diag((dxhat ⊙ xhat) 1) xhat/d - dxhat 1 1ᵀ/d)",
            **ROWS,
        },
    ),
    (
        "rms_norm",
        {
            "xhat": "G diag(γ)",
            "r": "(X ⊙ dxhat) 1",
            "X": "diag(r) (dxhat - diag((dxhat ⊙ xhat) 1) xhat/d)",
            "gamma": "(G ⊙ xhat)ᵀ 1",
        },
    ),
    (
        "batch_norm",
        {
            "xhat": "G diag(γ)",
            "r": "(dxhat ⊙ (X - 1 μᵀ))ᵀ 1",
            "var": "-(1/2) r^{⊙2} ⊙ ((xhat ⊙ dxhat)ᵀ 1)",
            "mu": "-r ⊙ (dxhatᵀ 1)",
            "X": "(dxhat - xhat diag((dxhat ⊙ xhat)ᵀ 1)/|ℓ| - 1 1ᵀ dxhat/|ℓ|) diag(r)",
            **ROWS,
        },
    ),
    (
        "l2_normalize",
        {
            "r": "(G ⊙ X) 1",
            "s": "-(1/2) r^{⊙3} ⊙ ((G ⊙ X) 1)",
            "X": "diag(r) (G - diag((G ⊙ Y) 1) Y)",
        },
    ),
]
# Of tensors with more than two axes: r (dxhat - xhat mean(xhat dxhat) - mean(dxhat)), entry by entry.
INDEXED = {
    "batch_norm2d": "r[c] (dxhat[n,c,h,w] - xhat[n,c,h,w] Σ_{n1,h1,w1} xhat[n1,c,h1,w1] dxhat[n1,c,h1,w1]/(H N W)"
    " - Σ_{n1,h1,w1} dxhat[n1,c,h1,w1]/(H N W))",
    "group_norm": "r[ℓ,g] (dxhat[ℓ,g,c,h,w] - xhat[ℓ,g,c,h,w] Σ_{c1,h1,w1} xhat[ℓ,g,c1,h1,w1] dxhat[ℓ,g,c1,h1,w1]"
    "/(C H W) - Σ_{c1,h1,w1} dxhat[ℓ,g,c1,h1,w1]/(C H W))",
    "instance_norm": "r[ℓ,c] (dxhat[ℓ,c,h,w] - xhat[ℓ,c,h,w] Σ_{h1,w1} xhat[ℓ,c,h1,w1] dxhat[ℓ,c,h1,w1]/(H W)"
    " - Σ_{h1,w1} dxhat[ℓ,c,h1,w1]/(H W))",
}


@pytest.mark.parametrize(("name", "expected"), FORMS, ids=[name for name, _ in FORMS])
def test_the_textbook_form(name, expected):
    assert forms(load(name)) == expected


def test_the_textbook_form_in_latex():
    assert forms(load("layer_norm"), matrix_latex)["X"] == (
        r"\mathrm{diag}\left(r\right) \left(\mathrm{d}\hat{X} - \mathrm{diag}\left(\left(\mathrm{d}\hat{X} \odot "
        r"\hat{X}\right) \mathbf{1}\right) \hat{X} / d - \mathrm{d}\hat{X} \, \mathbf{1} \mathbf{1}^{\top} / d\right)"
    )


@pytest.mark.parametrize("name", INDEXED)
def test_the_textbook_form_in_index_notation(name):
    layer = load(name)
    backward = gradients(layer).backward
    found = next(e for e in backward.equations if e.symbol.name == "dX")
    assert index_text(found.expr, gradients(layer).names, free=found.symbol.axes) == INDEXED[name]


# at the edges, in both codes

X4 = (3, 2, 4, 5)
SHAPES = {
    "layer_norm": ((4, 6), (6,), -1),
    "rms_norm": ((4, 6), (6,), -1),
    "batch_norm": ((6, 4), (4,), 0),
    "batch_norm2d": (X4, (2,), (0, 2, 3)),
    "group_norm": ((2, *X4), (3, 2), (-3, -2, -1)),
    "instance_norm": (X4, (2,), (-2, -1)),
}
KINDS = ["generated", "handwritten"]
TYPES = ["float32", "float64"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@cache
def module(name, kind):
    return compiled(load(name)) if kind == "generated" else numeric


def run(name, kind, X, *parameters, G=None):
    """The output and the gradients; no number may fail to exist."""
    functions = module(name, kind)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        Y, residuals = getattr(functions, f"{name}_fwd")(X, *parameters)
        found = getattr(functions, f"{name}_bwd")(residuals, np.ones_like(Y) if G is None else G)
    return Y, found if isinstance(found, tuple) else (found,)


def parameters(name, dtype):
    shape = SHAPES[name][1]
    return [np.ones(shape, dtype), np.zeros(shape, dtype)][: 1 if name == "rms_norm" else 2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_a_constant_tensor_is_finite(name, dtype, kind, rng):
    X = np.full(SHAPES[name][0], 3, dtype)
    G = rng.normal(size=X.shape).astype(dtype)
    Y, (dX, *others) = run(name, kind, X, *parameters(name, dtype), G=G)
    assert Y.dtype == dX.dtype == dtype
    if name == "rms_norm":
        np.testing.assert_allclose(Y, 1, rtol=1e-5)
    else:
        assert not Y.any()
        axes = SHAPES[name][2]
        expected = (G - G.mean(axes, keepdims=True)) / np.sqrt(1e-5)
        np.testing.assert_allclose(dX, expected, atol=1e-6 * np.abs(expected).max() * 10)
    assert all(np.isfinite(g).all() for g in others)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", [n for n in SHAPES if n != "rms_norm"])
def test_far_from_zero_the_digits_that_there_are_stay(name, dtype, kind, rng):
    """By Σ x² / n - μ² the variance would be lost in float32, and come out negative."""
    noise = rng.normal(size=SHAPES[name][0])
    X = (1e4 + noise).astype(dtype)
    G = rng.normal(size=X.shape).astype(dtype)
    Y, gradients_found = run(name, kind, X, *parameters(name, dtype), G=G)
    # What the offset itself rounds away is not asked for.
    expected, wanted = run(name, kind, X.astype("float64") - 1e4, *parameters(name, "float64"), G=G.astype("float64"))
    tolerance = 5e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(Y, expected, atol=tolerance)
    for ours, other in zip(gradients_found, wanted, strict=True):
        np.testing.assert_allclose(ours, other, atol=tolerance * np.abs(wanted[0]).max() * 10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SHAPES)
def test_mean_and_variance_are_what_they_should_be(name, kind, rng):
    shape, _, axes = SHAPES[name]
    Y, _ = run(name, kind, rng.normal(2, 3, shape), *parameters(name, "float64"))
    if name != "rms_norm":
        np.testing.assert_allclose(Y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose((Y**2).mean(axes), 1, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [n for n in SHAPES if n != "rms_norm"])
def test_a_shift_changes_nothing(name, kind, rng):
    """So the gradient by X sums to nothing along the axes of the statistics."""
    shape, _, axes = SHAPES[name]
    X = rng.normal(size=shape)
    Y, (dX, *_) = run(name, kind, X, *parameters(name, "float64"), G=rng.normal(size=shape))
    np.testing.assert_allclose(run(name, kind, X + 7, *parameters(name, "float64"))[0], Y, atol=1e-12)
    np.testing.assert_allclose(dX.sum(axes), 0, atol=1e-12)


def test_one_group_is_all_channels_and_one_channel_a_group_is_the_instance(rng):
    X = rng.normal(size=X4)
    ones, zeros = np.ones(2), np.zeros(2)
    instance = numeric.instance_norm(X, ones, zeros)
    grouped = numeric.group_norm(X[:, :, None], ones[:, None], zeros[:, None])
    np.testing.assert_allclose(grouped[:, :, 0], instance)
    rows = X.reshape(3, -1)
    together = numeric.group_norm(X[:, None], ones[None], zeros[None])
    expected = numeric.layer_norm(rows, np.ones(rows.shape[1]), np.zeros(rows.shape[1]))
    np.testing.assert_allclose(together.reshape(3, -1), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", TYPES)
def test_a_row_of_zeros_stays_and_has_no_slope(dtype, kind):
    X = np.array([[0, 0, 0], [3, 0, 4], [-1000, 1000, 0]], dtype)
    G = np.array([[1, 2, 3], [1, 1, 1], [1, 0, 2]], dtype)
    Y, (dX,) = run("l2_normalize", kind, X, G=G)
    assert Y.dtype == dX.dtype == dtype
    np.testing.assert_allclose((Y**2).sum(-1), [0, 1, 1], rtol=1e-6)
    assert dX[0].tolist() == [0, 0, 0]
    np.testing.assert_allclose((dX * Y).sum(-1), 0, atol=1e-7)
    np.testing.assert_allclose(dX[1], (G[1] - 1.4 * Y[1]) / 5, rtol=1e-5)

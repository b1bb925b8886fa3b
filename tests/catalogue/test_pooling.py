"""Average pooling: its forms, means of windows, and sums that are the same before and after."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from test_textbook import forms

import numeric
from derive.calculus.derivation import gradients
from derive.loading import load
from derive.lowering.render import compiled
from derive.printers.text import index_text

AVERAGES = ("avg_pool1d", "avg_pool2d", "global_avg_pool")
FORMS = {
    "avg_pool1d": "Σ_{t,k} G[ℓ,t] [l = stride·t + k - padding]/window",
    "avg_pool2d": "Σ_{i,j,u,v} G[ℓ,i,j] [h = stride·i + u - padding] [w = stride·j + v - padding]/window²",
    "global_avg_pool": "G[ℓ]/(n_h n_w)",
}


@cache
def module_of(name: str):
    return compiled(load(name))


@pytest.mark.parametrize("name", AVERAGES)
def test_the_gradient_goes_in_equal_parts_to_what_was_read(name):
    found = gradients(load(name))["X"]
    assert index_text(found.expr, found.names) == FORMS[name]


def test_the_global_mean_in_matrix_notation():
    assert forms(load("global_avg_pool")) == {"X": "G 1 1ᵀ/(n_h n_w)"}


@pytest.mark.parametrize("source", ["generated", "handwritten"])
@pytest.mark.parametrize("window, stride, padding", [*product((1, 2, 3), (1, 2, 3), (0, 1, 2))])
def test_the_mean_of_every_window_with_its_padding(source, window, stride, padding):
    code = module_of("avg_pool2d") if source == "generated" else numeric
    rng = np.random.default_rng(0)
    X = rng.integers(-9, 10, (2, 6, 7)).astype(float)
    Y, residuals = code.avg_pool2d_fwd(X, window=window, stride=stride, padding=padding)
    padded = np.pad(X, ((0, 0), (padding, padding), (padding, padding)))
    for i, j in np.ndindex(*Y.shape[1:]):
        part = padded[:, stride * i : stride * i + window, stride * j : stride * j + window]
        np.testing.assert_allclose(Y[:, i, j], part.mean(axis=(1, 2)), rtol=1e-14, atol=1e-14)
    assert Y.shape[1:] == tuple((n + 2 * padding - window) // stride + 1 for n in (6, 7))
    options = {"window": window, "stride": stride, "padding": padding} if source == "generated" else {}
    dX = code.avg_pool2d_bwd(residuals, np.ones_like(Y), **options)
    np.testing.assert_allclose((X * dX).sum(), Y.sum(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", AVERAGES)
def test_large_numbers_keep_their_means(name):
    """Sums of float32 numbers near 1e37 stay finite, and those of alike numbers are exact."""
    X = np.full((3, 4, 6), 1e37, np.float32)
    with np.errstate(all="raise"):
        for code in (module_of(name), numeric):
            Y = getattr(code, name)(X)
            assert Y.dtype == np.float32
            np.testing.assert_allclose(Y, np.float32(1e37), rtol=1e-6)


def test_windows_that_do_not_overlap_are_a_reshape():
    X = np.arange(48.0).reshape(2, 4, 6)
    expected = X.reshape(2, 2, 2, 3, 2).mean(axis=(2, 4))
    for code in (module_of("avg_pool2d"), numeric):
        np.testing.assert_array_equal(code.avg_pool2d(X), expected)
    np.testing.assert_array_equal(numeric.global_avg_pool(X), X.mean(axis=(1, 2)))


def test_a_window_larger_than_what_there_is_is_rejected():
    with pytest.raises(ValueError, match="avg_pool1d: axis t of Y would have size -1, expected at least 1"):
        module_of("avg_pool1d").avg_pool1d(np.ones(3), window=6)
    with pytest.raises(ValueError, match="avg_pool1d: window is 0, expected an integer of at least 1"):
        module_of("avg_pool1d").avg_pool1d(np.ones(3), window=0)
    with pytest.raises(ValueError, match="avg_pool1d: X, axis l: the output would be empty"):
        numeric.avg_pool1d(np.ones(3), window=6)
    with pytest.raises(ValueError, match="avg_pool1d: window: expected an integer of at least 1, given 0"):
        numeric.avg_pool1d(np.ones(3), window=0)

"""The direct convolution, the dense Toeplitz matrix and plain loops, over a grid of options.

The numbers are small integers in float64: all sums are exact, and equality needs no tolerance.
"""

from itertools import product

import numpy as np
import pytest

import numeric
from numeric import conv1d_bwd, conv1d_fwd, toeplitz_bwd, toeplitz_fwd, toeplitz_matrix
from numeric.convolutions.toeplitz import output_size, pad, windows

GRID = [
    {"n": n, "taps": taps, "stride": stride, "padding": padding, "dilation": dilation}
    for n, taps, stride, padding, dilation in product((1, 5, 11), (1, 2, 3), (1, 2, 3), (0, 1, 4), (1, 2, 3))
    if n + 2 * padding > dilation * (taps - 1)
]


@pytest.fixture(params=GRID, ids=lambda p: "-".join(f"{k[0]}{v}" for k, v in p.items()))
def sizes(request):
    options = dict(request.param)
    return options.pop("n"), options.pop("taps"), options


def integers(rng, *shape):
    return rng.integers(-5, 6, shape).astype(np.float64)


def entry_formula(w, n, size, stride, padding, dilation):
    """T[t, j] = Σ_k w[k] [j = s t + d k - p]"""
    T = np.zeros((size, n))
    for t, j, k in np.ndindex(size, n, len(w)):
        T[t, j] += w[k] * (j == stride * t + dilation * k - padding)
    return T


def test_dense_and_direct_agree(sizes, rng):
    n, taps, options = sizes
    x, w = integers(rng, n), integers(rng, taps)
    y, residuals = toeplitz_fwd(x, w, **options)
    T = toeplitz_matrix(w, n, **options)
    np.testing.assert_array_equal(T, entry_formula(w, n, y.size, **options))
    np.testing.assert_array_equal(y, T @ x)

    dy = integers(rng, y.size)
    dx, dw = toeplitz_bwd(residuals, dy)
    np.testing.assert_array_equal(dx, T.T @ dy)
    units = [toeplitz_matrix(unit, n, **options) for unit in np.eye(taps)]
    np.testing.assert_array_equal(dw, [dy @ unit @ x for unit in units])


def test_conv1d_is_a_matrix_of_toeplitz_operators(sizes, rng):
    n, taps, options = sizes
    X, W, b = integers(rng, 2, 3, n), integers(rng, 5, 3, taps), integers(rng, 5)
    Y, residuals = conv1d_fwd(X, W, b, **options)
    T = np.array([[toeplitz_matrix(w, n, **options) for w in row] for row in W])
    np.testing.assert_array_equal(Y, np.einsum("octj,bcj->bot", T, X) + b[:, None])

    dY = integers(rng, *Y.shape)
    dX, dW, db = conv1d_bwd(residuals, dY)
    np.testing.assert_array_equal(dX, np.einsum("octj,bot->bcj", T, dY))
    np.testing.assert_array_equal(db, dY.sum(axis=(0, 2)))
    units = np.array([toeplitz_matrix(unit, n, **options) for unit in np.eye(taps)])
    reads = np.einsum("ktj,bcj->bctk", units, X)
    np.testing.assert_array_equal(dW, np.einsum("bot,bctk->ock", dY, reads))


def test_stride_one_is_numpy_correlate(rng):
    x, w = integers(rng, 11), integers(rng, 3)
    np.testing.assert_array_equal(numeric.toeplitz(x, w), np.correlate(x, w, "valid"))
    np.testing.assert_array_equal(numeric.toeplitz(x, w, padding=1), np.correlate(x, w, "same"))
    np.testing.assert_array_equal(numeric.toeplitz(x, w[::-1], padding=2), np.convolve(x, w, "full"))


def test_pad_is_numpy_pad(rng):
    x = integers(rng, 2, 5)
    np.testing.assert_array_equal(pad(x, 3), np.pad(x, ((0, 0), (3, 3))))
    assert pad(x, 0) is x


def test_windows_are_a_view_that_touches_each_entry_once_per_tap():
    x = np.zeros(11)
    view = windows(x, 3, 2, 3, writeable=True)
    assert view.shape == (output_size("", ("x", "w"), 11, 3, 2, 0, 3), 3) and np.shares_memory(view, x)
    for tap in view.T:
        tap += 1
    np.testing.assert_array_equal(x, count_reads(11, 3, 2, 3))


def count_reads(n, taps, stride, dilation):
    size = output_size("", ("x", "w"), n, taps, stride, 0, dilation)
    reads = [stride * t + dilation * k for t in range(size) for k in range(taps)]
    return np.bincount(reads, minlength=n)


def test_matrix_keeps_the_dtype_of_w():
    assert toeplitz_matrix(np.ones(3, np.float32), 5).dtype == np.float32
    assert toeplitz_matrix([1, 2], 3).tolist() == [[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]]

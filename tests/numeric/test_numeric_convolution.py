"""The direct convolution, the dense Toeplitz matrix and plain loops, over a grid of options.

The numbers are small integers in float64: all sums are exact, and equality needs no tolerance.
"""

from itertools import product

import numpy as np
import pytest

import numeric
from numeric import conv1d_bwd, conv1d_fwd, toeplitz_bwd, toeplitz_fwd, toeplitz_matrix
from numeric.convolutions.toeplitz import line_windows, output_size, pad_line

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
    np.testing.assert_array_equal(pad_line(x, 3), np.pad(x, ((0, 0), (3, 3))))
    assert pad_line(x, 0) is x


def test_windows_are_a_view_that_touches_each_entry_once_per_tap():
    x = np.zeros(11)
    view = line_windows(x, 3, 2, 3, writeable=True)
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


# in several directions, in groups, on a circle

DIRECTIONS = [
    {"stride": stride, "padding": padding, "dilation": dilation}
    for stride, padding, dilation in product((1, 2, 3), (0, 2), (1, 2))
]


def along(signal, kernel, axis, **options):
    """The one-channel convolution along one axis, by its dense matrix."""
    T = toeplitz_matrix(kernel, signal.shape[axis], **options)
    return np.moveaxis(np.tensordot(T, signal, axes=(1, axis)), 0, axis)


@pytest.mark.parametrize("options", DIRECTIONS, ids=str)
def test_a_kernel_that_is_a_product_acts_along_each_axis_in_turn(options, rng):
    """With W[u, v] = p[u] q[v], conv2d is T(p) X T(q)ᵀ: its matrix is the Kronecker product of the two."""
    X, p, q, r = integers(rng, 7, 8, 9), integers(rng, 2), integers(rng, 3), integers(rng, 2)
    plane = along(along(X[0], p, 0, **options), q, 1, **options)
    found = numeric.conv2d(X[:1], np.multiply.outer(p, q)[None, None], np.zeros(1), **options)
    np.testing.assert_array_equal(found[0], plane)
    cube = along(along(along(X, r, 0, **options), p, 1, **options), q, 2, **options)
    kernel = np.multiply.outer(r, np.multiply.outer(p, q))
    np.testing.assert_array_equal(numeric.conv3d(X[None], kernel[None, None], np.zeros(1), **options)[0], cube)


@pytest.mark.parametrize("options", DIRECTIONS, ids=str)
def test_groups_are_convolutions_side_by_side(options, rng):
    X, W, b = integers(rng, 2, 3, 5, 7, 8), integers(rng, 3, 4, 5, 2, 3), integers(rng, 3, 4)
    expected = [numeric.conv2d(X[:, g], W[g], b[g], **options) for g in range(3)]
    np.testing.assert_array_equal(numeric.grouped_conv2d(X, W, b, **options), np.stack(expected, 1))
    np.testing.assert_array_equal(
        numeric.grouped_conv1d(X[..., 0], W[..., 0], b, **options),
        np.stack([numeric.conv1d(X[:, g, :, :, 0], W[g, ..., 0], b[g], **options) for g in range(3)], 1),
    )
    alone = numeric.grouped_conv2d(X[:, :, :1], W[:, :1, :1], b[:, :1], **options)
    np.testing.assert_array_equal(numeric.depthwise_conv2d(X[:, :, 0], W[:, 0, 0], b[:, 0], **options), alone[:, :, 0])


@pytest.mark.parametrize("options", DIRECTIONS, ids=str)
def test_a_separable_convolution_is_one_with_a_kernel_of_rank_one(options, rng):
    X, D, P = integers(rng, 2, 3, 7, 8), integers(rng, 3, 2, 3), integers(rng, 5, 3)
    found = numeric.depthwise_separable_conv2d(X, D, np.zeros(3), P, np.zeros(5), **options)
    np.testing.assert_array_equal(found, numeric.conv2d(X, P[:, :, None, None] * D, np.zeros(5), **options))


@pytest.mark.parametrize("options", DIRECTIONS, ids=str)
def test_a_transposed_convolution_is_the_transpose(options, rng):
    """⟨conv(X), Y⟩ = ⟨X, convᵀ(Y)⟩, with the output padding that makes up for what the stride left over."""
    Y, W = integers(rng, 5, 4, 6), integers(rng, 5, 2, 2, 3)
    for more in range(options["stride"]):
        back = numeric.conv_transpose2d(Y, W, np.zeros(2), **options, output_padding=more)
        X = integers(rng, *back.shape)
        forth = numeric.conv2d(X, W, np.zeros(5), **options)
        assert forth.shape == Y.shape and (forth * Y).sum() == (X * back).sum()


def test_output_padding_beyond_the_stride_holds_the_bias_alone(rng):
    X, W, b = integers(rng, 2, 5), integers(rng, 2, 3, 2), integers(rng, 3)
    short = numeric.conv_transpose1d(X, W, b, stride=2)
    long = numeric.conv_transpose1d(X, W, b, stride=2, output_padding=4)
    np.testing.assert_array_equal(long[:, : short.shape[1]], short)
    np.testing.assert_array_equal(long[:, short.shape[1] :], np.repeat(b[:, None], 4, 1))


def test_a_causal_convolution_is_padded_in_front(rng):
    X, W, b = integers(rng, 3, 2, 11), integers(rng, 5, 2, 3), integers(rng, 5)
    for dilation in (1, 2, 5, 11):
        expected = numeric.asymmetric_conv1d(X, W[..., ::-1], b, dilation=dilation, left=2 * dilation)
        np.testing.assert_array_equal(numeric.causal_conv1d(X, W, b, dilation=dilation), expected)
        changed = X.copy()
        changed[..., 7:] += 1
        same = numeric.causal_conv1d(changed, W, b, dilation=dilation) == expected
        assert same[..., :7].all() and not same[..., 7:].all()


@pytest.mark.parametrize("n, taps", [(1, 1), (2, 1), (2, 2), (5, 3), (8, 8), (13, 7)])
def test_the_fourier_transform_diagonalises_a_circular_convolution(n, taps, rng):
    x, w, g = integers(rng, n), integers(rng, taps), integers(rng, n)
    C = numeric.circulant_matrix(w, n)
    y, residuals = numeric.circular_conv1d_fwd(x, w)
    dx, dw = numeric.circular_conv1d_bwd(residuals, g)
    np.testing.assert_array_equal(y, C @ x)
    np.testing.assert_array_equal(dx, C.T @ g)
    np.testing.assert_array_equal(dw, (numeric.circulant_matrix(x, n).T @ g)[:taps])

    F = np.fft.fft(np.eye(n))
    eigenvalues = np.fft.fft(w, n)
    np.testing.assert_allclose(np.linalg.inv(F) @ np.diag(eigenvalues) @ F, C, atol=1e-12)
    np.testing.assert_allclose(np.fft.fft(y), eigenvalues * np.fft.fft(x), atol=1e-11)
    np.testing.assert_allclose(np.fft.fft(dx), eigenvalues.conj() * np.fft.fft(g), atol=1e-11)

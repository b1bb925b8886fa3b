"""Circular convolution y = C(w) x of one channel, and its circulant matrix.

    y[t] = Σ_k w[k] x[(t - k) mod n]          C[t, j] = w[(t - j) mod n]

for at most n taps. The discrete Fourier transform F turns it into a product, F y = F w ⊙ F x, with w filled up with
zeros, since the columns of F⁻¹ are the eigenvectors of every circulant matrix (Gray, Toeplitz and circulant matrices:
a review, 2006). With the cotangent g = ∂L/∂y:

    dx = C(w)ᵀ g          dw[k] = Σ_t g[t] x[(t - k) mod n]

A kernel is short as a rule: then shifts of x cost less than the transform, and are exact.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..shapes import Array, Residuals, admit, cotangent


def circular_conv1d(x: Array, w: Array) -> Array:
    """x[j], w[k] -> y[t]"""
    return circular_conv1d_fwd(x, w)[0]


def circular_conv1d_fwd(x: Array, w: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    x, w = admit("circular_conv1d", "x[j] w[k]", x, w)
    if not 1 <= w.size <= x.size:
        raise ValueError(f"circular_conv1d: w, axis k: expected 1 to {x.size} taps (as in x), given {w.size}.")
    # einsum, because matmul has no BLAS for windows that overlap in memory and is slower without.
    return np.einsum("tk,k->t", _shifts(x, w.size), w), (x, w)


def circular_conv1d_bwd(residuals: Residuals, dy: Array) -> tuple[Array, Array]:
    """dy[t] -> dx[j], dw[k]"""
    x, w = residuals
    dy = cotangent("circular_conv1d_bwd", "dy[t]", dy, x.shape, x.dtype)
    around = np.concatenate([dy, dy[: w.size - 1]])
    dx = np.einsum("jk,k->j", sliding_window_view(around, w.size), w)
    return dx, np.einsum("tk,t->k", _shifts(x, w.size), dy)


def circulant_matrix(w: Array, n: int) -> Array:
    """The dense C[t, j] with circular_conv1d(x, w) = C @ x for x[j] of size n.

    >>> circulant_matrix([1.0, 2.0], 3)
    array([[1., 0., 2.],
           [2., 1., 0.],
           [0., 2., 1.]])
    """
    [w] = admit("circulant_matrix", "w[k]", w)
    filled = np.concatenate([w, np.zeros(n - w.size, w.dtype)])
    t, j = np.ogrid[:n, :n]
    return filled[(t - j) % n]


def _shifts(x: Array, taps: int) -> Array:
    """The view S[t, k] = x[(t - k) mod n] of x with its end once more in front."""
    around = np.concatenate([x[x.size - taps + 1 :], x])
    return sliding_window_view(around, taps)[:, ::-1]

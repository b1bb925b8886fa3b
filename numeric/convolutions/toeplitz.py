"""One-channel convolution y = T(w) x, as cross-correlation, and its Toeplitz matrix.

    y[t] = Σ_k w[k] x[s t + d k - p]          T[t, j] = Σ_k w[k] [j = s t + d k - p]

with stride s, dilation d, padding p; a read outside x is 0. With the cotangent g = ∂L/∂y:

    dx = T(w)ᵀ g          dw[k] = Σ_t g[t] x[s t + d k - p]

(Dumoulin & Visin, A guide to convolution arithmetic for deep learning, 2016).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..shapes import Array, Residuals, admit, cotangent

OPERANDS = ("x, axis j", "w, axis k")


def toeplitz(x: Array, w: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """x[j], w[k] -> y[t]"""
    return toeplitz_fwd(x, w, stride=stride, padding=padding, dilation=dilation)[0]


def toeplitz_fwd(
    x: Array, w: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    x, w = admit("toeplitz", "x[j] w[k]", x, w)
    output_size("toeplitz", OPERANDS, x.size, w.size, stride, padding, dilation)
    reads = line_windows(pad_line(x, padding), w.size, stride, dilation)
    # einsum, because matmul has no BLAS for windows that overlap in memory and is slower without.
    return np.einsum("tk,k->t", reads, w), (x, w, stride, padding, dilation)


def toeplitz_bwd(residuals: Residuals, dy: Array) -> tuple[Array, Array]:
    """dy[t] -> dx[j], dw[k]"""
    x, w, stride, padding, dilation = residuals
    reads = line_windows(pad_line(x, padding), w.size, stride, dilation)
    dy = cotangent("toeplitz_bwd", "dy[t]", dy, reads.shape[:1], x.dtype)
    dw = np.array([tap @ dy for tap in reads.T])

    dx_padded = np.zeros(x.size + 2 * padding, dy.dtype)
    writes = line_windows(dx_padded, w.size, stride, dilation, writeable=True)
    for tap, weight in zip(writes.T, w, strict=True):
        tap += weight * dy
    return dx_padded[padding : padding + x.size], dw


def toeplitz_matrix(w: Array, n: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """The dense T[t, j] with toeplitz(x, w) = T @ x for x[j] of size n.

    >>> toeplitz_matrix([1.0, 2.0], 3)
    array([[1., 2., 0.],
           [0., 1., 2.]])
    """
    [w] = admit("toeplitz_matrix", "w[k]", w)
    size = output_size("toeplitz_matrix", OPERANDS, n, w.size, stride, padding, dilation)
    t, k = np.ogrid[:size, : w.size]
    j = stride * t + dilation * k - padding
    t, k = np.nonzero((0 <= j) & (j < n))
    T = np.zeros((size, n), w.dtype)
    T[t, j[t, k]] = w[k]
    return T


def output_size(
    layer: str,
    operands: tuple[str, str],
    n: int,
    taps: int,
    stride: int,
    padding: int,
    dilation: int,
) -> int:
    """⌊(n + 2p - d (taps - 1) - 1) / s⌋ + 1, or a ValueError if that leaves nothing."""
    signal, kernel = operands
    options = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    for name, (given, least) in options.items():
        if not isinstance(given, (int, np.integer)) or given < least:
            raise ValueError(f"{layer}: {name}: expected an integer of at least {least}, given {given!r}.")
    if taps < 1:
        raise ValueError(f"{layer}: {kernel}: expected at least 1 tap, given 0.")
    span = dilation * (taps - 1) + 1
    if n + 2 * padding < span:
        raise ValueError(
            f"{layer}: {signal}: the output would be empty: expected at least {span} entries with "
            f"the padding ({taps} taps, dilation {dilation}), given {n} + 2*{padding}."
        )
    return (n + 2 * padding - span) // stride + 1


def pad_line(x: Array, padding: int) -> Array:
    """x[..., j] with zeros at both ends of its last axis (np.pad takes ten times as long)."""
    if padding == 0:
        return x
    n = x.shape[-1]
    padded = np.zeros((*x.shape[:-1], n + 2 * padding), x.dtype)
    padded[..., padding : padding + n] = x
    return padded


def line_windows(padded: Array, taps: int, stride: int, dilation: int, *, writeable: bool = False) -> Array:
    """The view V[..., t, k] = padded[..., s t + d k]; tap k, V[..., k], touches no entry twice."""
    span = dilation * (taps - 1) + 1
    view = sliding_window_view(padded, span, axis=-1, writeable=writeable)
    return view[..., ::stride, ::dilation]

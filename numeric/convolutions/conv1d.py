"""Convolution in one dimension, as cross-correlation, with channels and any leading axes.

    Y[..., o, t] = b[o] + Σ_{c,k} W[o, c, k] X[..., c, s t + d k - p]

with stride s, dilation d, padding p; a read outside X is 0. The reads are laid out as columns
(im2col; Chellapilla, Puri & Simard, 2006), which makes the sum a matrix product, Y = W C + b 1ᵀ.
Its gradients are those of a matrix product; what flows into C is added up, tap by tap, where X was
read.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .toeplitz import output_size, pad, windows

OPERANDS = ("X, axis l", "W, axis k")


def conv1d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., c, l], W[o, c, k], b[o] -> Y[..., o, t]"""
    return conv1d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def conv1d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("conv1d", "X[...,c,l] W[o,c,k] b[o]", X, W, b)
    o, c, taps = W.shape
    t = output_size("conv1d", OPERANDS, X.shape[-1], taps, stride, padding, dilation)
    reads = windows(pad(X, padding), taps, stride, dilation)
    columns = reads.swapaxes(-1, -2).reshape(*X.shape[:-2], c * taps, t)
    Y = W.reshape(o, c * taps) @ columns
    Y += b[:, None]
    return Y, (X, W, stride, padding, dilation)


def conv1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, t] -> dX[..., c, l], dW[o, c, k], db[o]"""
    X, W, stride, padding, dilation = residuals
    (*leading, c, n), (o, _, taps) = X.shape, W.shape
    # The columns are formed again, since keeping them would hold `taps` copies of X in memory.
    reads = windows(pad(X, padding), taps, stride, dilation)
    t = reads.shape[-2]
    dY = cotangent("conv1d_bwd", "dY[...,o,t]", dY, (*leading, o, t), X.dtype)

    summed = [*range(len(leading)), -1]
    dW = np.tensordot(reads, dY, axes=([*summed[:-1], -2], summed)).transpose(2, 0, 1)

    dreads = (W.reshape(o, c * taps).T @ dY).reshape(*leading, c, taps, t)
    dX_padded = np.zeros((*leading, c, n + 2 * padding), dY.dtype)
    writes = windows(dX_padded, taps, stride, dilation, writeable=True)
    for k in range(taps):
        writes[..., k] += dreads[..., k, :]
    return dX_padded[..., padding : padding + n], dW, dY.sum(axis=tuple(summed))

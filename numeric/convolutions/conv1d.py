"""Convolution in one dimension, as cross-correlation, with channels and any leading axes.

    Y[..., o, t] = b[o] + Σ_{c,k} W[o, c, k] X[..., c, s t + d k - p]

with stride s, dilation d, padding p; a read outside X is 0. The reads are laid out as columns
(im2col; Chellapilla, Puri & Simard, 2006), which makes the sum a matrix product, Y = W C + b 1ᵀ.
Its gradients are those of a matrix product; what flows into C is added up, tap by tap, where X was
read.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import Direction, bias, correlate, kernel, spread
from .toeplitz import output_size

OPERANDS = ("X, axis l", "W, axis k")


def conv1d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., c, l], W[o, c, k], b[o] -> Y[..., o, t]"""
    return conv1d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def conv1d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("conv1d", "X[...,c,l] W[o,c,k] b[o]", X, W, b)
    taps = W.shape[-1]
    t = output_size("conv1d", OPERANDS, X.shape[-1], taps, stride, padding, dilation)
    directions = [Direction(X.shape[-1], taps, t, stride, dilation, padding, padding)]
    return correlate(X, W, directions, b), (X, W, directions)


def conv1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, t] -> dX[..., c, l], dW[o, c, k], db[o]"""
    X, W, directions = residuals
    dY = cotangent("conv1d_bwd", "dY[...,o,t]", dY, (*X.shape[:-2], W.shape[0], directions[0].steps), X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions), bias(dY, 1)

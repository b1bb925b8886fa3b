"""Convolution in two dimensions, as cross-correlation, with channels and any leading axes.

    Y[..., o, i, j] = b[o] + Σ_{c,u,v} W[o, c, u, v] X[..., c, s i + d u - p, s j + d v - p]

with stride s, dilation d, padding p; a read outside X is 0 (LeCun, Bottou, Bengio & Haffner, 1998).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import alike, bias, correlate, kernel, spread, steps


def conv2d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., c, h, w], W[o, c, u, v], b[o] -> Y[..., o, i, j]"""
    return conv2d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def conv2d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("conv2d", "X[...,c,h,w] W[o,c,u,v] b[o]", X, W, b)
    directions = alike("conv2d", "hw", X.shape, W.shape, stride, padding, dilation)
    return correlate(X, W, directions, b), (X, W, directions)


def conv2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, i, j] -> dX[..., c, h, w], dW[o, c, u, v], db[o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-3], W.shape[0], *steps(directions))
    dY = cotangent("conv2d_bwd", "dY[...,o,i,j]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions), bias(dY, 2)

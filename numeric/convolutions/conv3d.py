"""Convolution over frames, height and width, as cross-correlation, with channels and any leading axes.

    Y[..., o, t, i, j] = b[o] + Σ_{c,r,u,v} W[o, c, r, u, v] X[..., c, s t + d r - p, s i + d u - p, s j + d v - p]

with stride s, dilation d, padding p; a read outside X is 0 (Tran et al., Learning spatiotemporal features with 3D
convolutional networks, 2015).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import alike, bias, correlate, kernel, spread, steps


def conv3d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., c, f, h, w], W[o, c, r, u, v], b[o] -> Y[..., o, t, i, j]"""
    return conv3d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def conv3d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("conv3d", "X[...,c,f,h,w] W[o,c,r,u,v] b[o]", X, W, b)
    directions = alike("conv3d", "fhw", X.shape, W.shape, stride, padding, dilation)
    return correlate(X, W, directions, b), (X, W, directions)


def conv3d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, t, i, j] -> dX[..., c, f, h, w], dW[o, c, r, u, v], db[o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-4], W.shape[0], *steps(directions))
    dY = cotangent("conv3d_bwd", "dY[...,o,t,i,j]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions), bias(dY, 3)

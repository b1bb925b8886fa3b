"""Convolutions of groups of channels, each with kernels of its own, as cross-correlation.

    Y[..., g, o, t] = b[g, o] + Σ_{c,k} W[g, o, c, k] X[..., g, c, s t + d k - p]

in one, two and three directions, with stride s, dilation d, padding p; a read outside X is 0. Splitting the channels of
an array into groups is a reshape, which copies nothing (Krizhevsky, Sutskever & Hinton, 2012).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import alike, bias, correlate, kernel, spread, steps


def grouped_conv1d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., g, c, l], W[g, o, c, k], b[g, o] -> Y[..., g, o, t]"""
    return grouped_conv1d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def grouped_conv1d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("grouped_conv1d", "X[...,g,c,l] W[g,o,c,k] b[g,o]", X, W, b)
    directions = alike("grouped_conv1d", "l", X.shape, W.shape, stride, padding, dilation)
    return correlate(X, W, directions, b), (X, W, directions)


def grouped_conv1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, o, t] -> dX[..., g, c, l], dW[g, o, c, k], db[g, o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-3], *W.shape[:2], *steps(directions))
    dY = cotangent("grouped_conv1d_bwd", "dY[...,g,o,t]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions, groups=True), bias(dY, 1, groups=True)


def grouped_conv2d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., g, c, h, w], W[g, o, c, u, v], b[g, o] -> Y[..., g, o, i, j]"""
    return grouped_conv2d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def grouped_conv2d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("grouped_conv2d", "X[...,g,c,h,w] W[g,o,c,u,v] b[g,o]", X, W, b)
    directions = alike("grouped_conv2d", "hw", X.shape, W.shape, stride, padding, dilation)
    return correlate(X, W, directions, b), (X, W, directions)


def grouped_conv2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, o, i, j] -> dX[..., g, c, h, w], dW[g, o, c, u, v], db[g, o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-4], *W.shape[:2], *steps(directions))
    dY = cotangent("grouped_conv2d_bwd", "dY[...,g,o,i,j]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions, groups=True), bias(dY, 2, groups=True)


def grouped_conv3d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., g, c, f, h, w], W[g, o, c, r, u, v], b[g, o] -> Y[..., g, o, t, i, j]"""
    return grouped_conv3d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def grouped_conv3d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("grouped_conv3d", "X[...,g,c,f,h,w] W[g,o,c,r,u,v] b[g,o]", X, W, b)
    directions = alike("grouped_conv3d", "fhw", X.shape, W.shape, stride, padding, dilation)
    return correlate(X, W, directions, b), (X, W, directions)


def grouped_conv3d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, o, t, i, j] -> dX[..., g, c, f, h, w], dW[g, o, c, r, u, v], db[g, o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-5], *W.shape[:2], *steps(directions))
    dY = cotangent("grouped_conv3d_bwd", "dY[...,g,o,t,i,j]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions, groups=True), bias(dY, 3, groups=True)

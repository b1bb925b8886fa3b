"""Average pooling: the mean of each window, zeros of the padding included, or of everything.

    Y[..., i, j] = Σ_{u,v} X[..., s i + u - p, s j + v - p] / K²

with stride s, padding p and K the size of a window; a read outside X is 0 (LeCun et al., 1989). The gradient goes in
equal parts to what was read.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ..convolutions.spatial import Directions, alike, blank, inside, option, pad, steps, taps, windows
from ..shapes import Array, Residuals, admit, cotangent


def avg_pool1d(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> Array:
    """X[..., l] -> Y[..., t]"""
    return avg_pool1d_fwd(X, window=window, stride=stride, padding=padding)[0]


def avg_pool1d_fwd(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("avg_pool1d", "X[...,l]", X)
    size = option("avg_pool1d", "window", window)
    directions = alike("avg_pool1d", "l", X.shape, (size,), stride, padding, 1)
    return _means(X, directions), (X.shape, X.dtype, directions)


def avg_pool1d_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[..., t] -> dX[..., l]"""
    shape, dtype, directions = residuals
    dY = cotangent("avg_pool1d_bwd", "dY[...,t]", dY, (*shape[:-1], *steps(directions)), dtype)
    return _shares(dY, directions)


def avg_pool2d(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> Array:
    """X[..., h, w] -> Y[..., i, j]"""
    return avg_pool2d_fwd(X, window=window, stride=stride, padding=padding)[0]


def avg_pool2d_fwd(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("avg_pool2d", "X[...,h,w]", X)
    size = option("avg_pool2d", "window", window)
    directions = alike("avg_pool2d", "hw", X.shape, (size, size), stride, padding, 1)
    return _means(X, directions), (X.shape, X.dtype, directions)


def avg_pool2d_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[..., i, j] -> dX[..., h, w]"""
    shape, dtype, directions = residuals
    dY = cotangent("avg_pool2d_bwd", "dY[...,i,j]", dY, (*shape[:-2], *steps(directions)), dtype)
    return _shares(dY, directions)


def global_avg_pool(X: Array) -> Array:
    """X[..., h, w] -> Y[...]"""
    return global_avg_pool_fwd(X)[0]


def global_avg_pool_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("global_avg_pool", "X[...,h,w]", X)
    return X.mean(axis=(-2, -1)), (X.shape, X.dtype)


def global_avg_pool_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[..., h, w]"""
    shape, dtype = residuals
    dY = cotangent("global_avg_pool_bwd", "dY[...]", dY, shape[:-2], dtype)
    return np.broadcast_to((dY / (shape[-2] * shape[-1]))[..., None, None], shape).copy()


def _means(X: Array, directions: Directions) -> Array:
    """The sum over taps, one after the other, divided by their number."""
    reads = windows(pad(X, directions), directions)
    total = np.zeros(reads.shape[: -len(directions)], X.dtype)
    for tap in np.ndindex(*taps(directions)):
        total += reads[(..., *tap)]
    return total / prod(taps(directions))


def _shares(dY: Array, directions: Directions) -> Array:
    share = dY / prod(taps(directions))
    padded = blank(dY.shape[: -len(directions)], directions, dY.dtype)
    writes = windows(padded, directions, writeable=True)
    for tap in np.ndindex(*taps(directions)):
        writes[(..., *tap)] += share
    return padded[inside(directions)]

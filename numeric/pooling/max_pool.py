"""The largest entry of each window, in one and two dimensions.

    Y[..., t] = max_u X[..., s t + u - p]        dX[..., s t + u* - p] += dY[..., t],  u* the first largest

Padding is -inf, which no entry is smaller than. The taps of a window are compared one by one, each for
all windows at once; what is kept for the backward is which of them was the first to be largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..shapes import Array, Residuals, admit, cotangent


def max_pool1d(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> Array:
    """X[..., l] -> Y[..., t]"""
    return max_pool1d_fwd(X, window=window, stride=stride, padding=padding)[0]


def max_pool1d_fwd(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("max_pool1d", "X[...,l]", X)
    _admit_options("max_pool1d", X.shape[-1:], window, stride, padding)
    return _pooled(_taps(_padded(X, 1, padding), 1, window, stride), X, (window, stride, padding))


def max_pool1d_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[..., t] -> dX[..., l]"""
    return _spread("max_pool1d_bwd", "dY[...,t]", residuals, dY, 1)


def max_pool2d(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> Array:
    """X[..., h, w] -> Y[..., y, x]"""
    return max_pool2d_fwd(X, window=window, stride=stride, padding=padding)[0]


def max_pool2d_fwd(X: Array, *, window: int = 2, stride: int = 2, padding: int = 0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("max_pool2d", "X[...,h,w]", X)
    _admit_options("max_pool2d", X.shape[-2:], window, stride, padding)
    return _pooled(_taps(_padded(X, 2, padding), 2, window, stride), X, (window, stride, padding))


def max_pool2d_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[..., y, x] -> dX[..., h, w]"""
    return _spread("max_pool2d_bwd", "dY[...,y,x]", residuals, dY, 2)


def _pooled(taps: list[Array], X: Array, options: tuple[int, int, int]) -> tuple[Array, Residuals]:
    """The largest of the taps, and which it was."""
    Y = taps[0].copy()
    first = np.zeros(Y.shape, np.intp)
    for number, tap in enumerate(taps[1:], 1):
        first[tap > Y] = number
        np.maximum(Y, tap, out=Y)
    return Y, (X.shape, X.dtype, first, options)


def _spread(layer: str, signature: str, residuals: Residuals, dY: Array, rank: int) -> Array:
    """The cotangent of each window, added where its largest entry was read."""
    shape, dtype, first, (window, stride, padding) = residuals
    dY = cotangent(layer, signature, dY, first.shape, dtype)
    spread = np.zeros((*shape[:-rank], *(n + 2 * padding for n in shape[-rank:])), dY.dtype)
    for number, tap in enumerate(_taps(spread, rank, window, stride)):
        tap += np.where(first == number, dY, 0)
    return spread[_inside(shape[-rank:], padding)]


def _padded(X: Array, rank: int, padding: int) -> Array:
    """X with -inf around its last axes, so many."""
    if padding == 0:
        return X
    front, inner = X.shape[: X.ndim - rank], X.shape[X.ndim - rank :]
    padded = np.full((*front, *(n + 2 * padding for n in inner)), -np.inf, X.dtype)
    padded[_inside(inner, padding)] = X
    return padded


def _inside(shape: tuple[int, ...], padding: int) -> tuple[Any, ...]:
    """Where an array of that shape lies within its padding."""
    return (..., *(slice(padding, padding + n) for n in shape))


def _admit_options(layer: str, shape: tuple[int, ...], window: int, stride: int, padding: int) -> None:
    """Options of a kind and size that make sense, or a ValueError."""
    for name, given, least in (("window", window, 1), ("stride", stride, 1), ("padding", padding, 0)):
        if not isinstance(given, (int, np.integer)) or given < least:
            raise ValueError(f"{layer}: {name}: expected an integer of at least {least}, given {given!r}.")
    if padding >= window:
        raise ValueError(f"{layer}: padding: expected less than the window, {window}, given {padding}.")
    if min(shape) + 2 * padding < window:
        raise ValueError(f"{layer}: the output would be empty: a window of {window} on {shape} entries.")


def _every(stride: int, rank: int) -> tuple[Any, ...]:
    """Every so many places along each axis, and all of the window."""
    return (..., *(slice(None, None, stride),) * rank, *(slice(None),) * rank)


def _taps(padded: Array, rank: int, window: int, stride: int) -> list[Array]:
    """One view for each place of the window, in row-major order; no view has an entry twice."""
    inner = tuple(range(padded.ndim - rank, padded.ndim))
    view = sliding_window_view(padded, (window,) * rank, axis=inner, writeable=True)
    view = view[_every(stride, rank)]
    return [view[(..., *place)] for place in np.ndindex(*(window,) * rank)]

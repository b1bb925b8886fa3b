"""Convolutions that keep channels apart, each with a kernel of its own, and the mixing of channels at each place.

    Y[..., c, t]    = b[c] + Σ_k W[c, k] X[..., c, s t + d k - p]            depthwise, and alike in two directions
    Y[..., o, h, w] = b[o] + Σ_c W[o, c] X[..., c, h, w]                     pointwise

with stride s, dilation d, padding p; a read outside X is 0. Without channels to sum over there is no matrix product:
one multiplication and addition for each tap passes over whole arrays (Sifre, 2014; Chollet, 2017). That pays where the
kernel moves by one; else each channel is a group of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .lines import Lines
from .spatial import Directions, alike, bias, correlate, kernel, spread, steps, taps


def depthwise_conv1d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., c, l], W[c, k], b[c] -> Y[..., c, t]"""
    return depthwise_conv1d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def depthwise_conv1d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("depthwise_conv1d", "X[...,c,l] W[c,k] b[c]", X, W, b)
    directions = alike("depthwise_conv1d", "l", X.shape, W.shape, stride, padding, dilation)
    return _each_channel(X, W, b, directions), (X, W, directions)


def depthwise_conv1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., c, t] -> dX[..., c, l], dW[c, k], db[c]"""
    X, W, directions = residuals
    dY = cotangent("depthwise_conv1d_bwd", "dY[...,c,t]", dY, (*X.shape[:-1], *steps(directions)), X.dtype)
    return _each_channel_bwd(X, W, dY, directions)


def depthwise_conv2d(X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """X[..., c, h, w], W[c, u, v], b[c] -> Y[..., c, i, j]"""
    return depthwise_conv2d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def depthwise_conv2d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("depthwise_conv2d", "X[...,c,h,w] W[c,u,v] b[c]", X, W, b)
    directions = alike("depthwise_conv2d", "hw", X.shape, W.shape, stride, padding, dilation)
    return _each_channel(X, W, b, directions), (X, W, directions)


def depthwise_conv2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., c, i, j] -> dX[..., c, h, w], dW[c, u, v], db[c]"""
    X, W, directions = residuals
    dY = cotangent("depthwise_conv2d_bwd", "dY[...,c,i,j]", dY, (*X.shape[:-2], *steps(directions)), X.dtype)
    return _each_channel_bwd(X, W, dY, directions)


def _each_channel(X: Array, W: Array, b: Array, directions: Directions) -> Array:
    """Y[..., c, i…] = b[c] + Σ_u W[c, u…] X[..., c, s i + d u - p]"""
    rank = len(directions)
    if any(d.stride > 1 for d in directions) or not X.size:
        Y = correlate(_grouped(X, rank), _grouped(_grouped(W, rank), rank), directions, b[:, None])
        return Y.squeeze(axis=-rank - 1)
    maps = X.reshape(-1, *X.shape[-rank:])
    Y = np.empty((len(maps), *steps(directions)), X.dtype)
    lines = Lines(directions, X.dtype, len(maps))
    total, product = lines.room(), lines.room()
    for part, here in lines.parts(len(maps)):
        lines.maps[here] = maps[part]
        channel = np.arange(part.start, part.stop) % len(W)
        total[here] = b[channel, None]
        for tap, reads in lines.taps():
            total[here] += np.multiply(reads[here], _column(W, channel, tap), out=product[here])
        Y[part] = lines.places(total)[here]
    return Y.reshape(*X.shape[:-rank], *steps(directions))


def _each_channel_bwd(X: Array, W: Array, dY: Array, directions: Directions) -> tuple[Array, Array, Array]:
    rank = len(directions)
    if any(d.stride > 1 for d in directions) or not X.size:
        X, kernels, rows = _grouped(X, rank), _grouped(_grouped(W, rank), rank), _grouped(dY, rank)
        dX, dW = spread(rows, kernels, directions), kernel(X, rows, directions, groups=True)
        return dX.squeeze(axis=-rank - 1), dW.reshape(W.shape), bias(dY, rank)
    maps, rows = X.reshape(-1, *X.shape[-rank:]), dY.reshape(-1, *dY.shape[-rank:])
    dX = np.empty(maps.shape, dY.dtype)
    products = np.empty((len(maps), *taps(directions)), dY.dtype)
    read, written = Lines(directions, X.dtype, len(maps)), Lines(directions, dY.dtype, len(maps))
    # What is no place stays 0, and adds nothing.
    G, product = written.room(), written.room()
    for part, here in read.parts(len(maps)):
        read.maps[here] = maps[part]
        written.lines[...] = 0
        written.places(G)[here] = rows[part]
        channel = np.arange(part.start, part.stop) % len(W)
        for (tap, reads), (_, writes) in zip(read.taps(), written.taps(), strict=True):
            writes[here] += np.multiply(G[here], _column(W, channel, tap), out=product[here])
            products[(part, *tap)] = np.vecdot(reads[here], G[here])
        dX[part] = written.maps[here]
    dW = products.reshape(-1, *W.shape).sum(axis=0)
    return dX.reshape(X.shape), dW, bias(dY, rank)


def _column(W: Array, channel: Array, tap: tuple[Any, ...]) -> Array:
    """The weights of these channels at one tap, as a column."""
    return W[(..., *tap)][channel, None]


def _grouped(A: Array, rank: int) -> Array:
    """[..., c, i…] -> [..., c, 1, i…]: each channel is a group of its own."""
    return np.expand_dims(A, -rank - 1)


def pointwise_conv2d(X: Array, W: Array, b: Array) -> Array:
    """X[..., c, h, w], W[o, c], b[o] -> Y[..., o, h, w]"""
    return pointwise_conv2d_fwd(X, W, b)[0]


def pointwise_conv2d_fwd(X: Array, W: Array, b: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("pointwise_conv2d", "X[...,c,h,w] W[o,c] b[o]", X, W, b)
    *leading, c, h, w = X.shape
    Y = W @ X.reshape(*leading, c, h * w) + b[:, None]
    return Y.reshape(*leading, W.shape[0], h, w), (X, W)


def pointwise_conv2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, h, w] -> dX[..., c, h, w], dW[o, c], db[o]"""
    X, W = residuals
    *leading, c, h, w = X.shape
    o = W.shape[0]
    dY = cotangent("pointwise_conv2d_bwd", "dY[...,o,h,w]", dY, (*leading, o, h, w), X.dtype)
    dX = W.T @ dY.reshape(*leading, o, h * w)
    # One product for each image, then their sum: neither X nor dY is copied.
    dW = dY.reshape(*leading, o, h * w) @ X.reshape(*leading, c, h * w).swapaxes(-1, -2)
    return dX.reshape(X.shape), dW.sum(axis=tuple(range(len(leading)))), bias(dY, 2)

"""Convolutions with a stride and dilation of their own in each direction, and a padding of its own at each end.

    Y[..., o, i, j] = b[o] + Σ_{c,u,v} W[o, c, u, v] X[..., c, s_h i + d_h u - top, s_w j + d_w v - left]

and alike in one and three directions; a read outside X is 0. The padding behind only makes room for more steps
(Dumoulin & Visin, A guide to convolution arithmetic for deep learning, 2016).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import Directions, bias, correlate, direction, kernel, option, spread, steps


def asymmetric_conv1d(
    X: Array, W: Array, b: Array, *, stride: int = 1, dilation: int = 1, left: int = 0, right: int = 0
) -> Array:
    """X[..., c, l], W[o, c, k], b[o] -> Y[..., o, t]"""
    return asymmetric_conv1d_fwd(X, W, b, stride=stride, dilation=dilation, left=left, right=right)[0]


def asymmetric_conv1d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, dilation: int = 1, left: int = 0, right: int = 0
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("asymmetric_conv1d", "X[...,c,l] W[o,c,k] b[o]", X, W, b)
    moves = {
        "l": {"stride": stride, "dilation": dilation, "left": left, "right": right},
    }
    directions = each("asymmetric_conv1d", X, W, moves)
    return correlate(X, W, directions, b), (X, W, directions)


def asymmetric_conv1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, t] -> dX[..., c, l], dW[o, c, k], db[o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-2], W.shape[0], *steps(directions))
    dY = cotangent("asymmetric_conv1d_bwd", "dY[...,o,t]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions), bias(dY, 1)


def asymmetric_conv2d(
    X: Array,
    W: Array,
    b: Array,
    *,
    stride_h: int = 1,
    stride_w: int = 1,
    dilation_h: int = 1,
    dilation_w: int = 1,
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
) -> Array:
    """X[..., c, h, w], W[o, c, u, v], b[o] -> Y[..., o, i, j]"""
    return asymmetric_conv2d_fwd(
        X,
        W,
        b,
        stride_h=stride_h,
        stride_w=stride_w,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        top=top,
        bottom=bottom,
        left=left,
        right=right,
    )[0]


def asymmetric_conv2d_fwd(
    X: Array,
    W: Array,
    b: Array,
    *,
    stride_h: int = 1,
    stride_w: int = 1,
    dilation_h: int = 1,
    dilation_w: int = 1,
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("asymmetric_conv2d", "X[...,c,h,w] W[o,c,u,v] b[o]", X, W, b)
    moves = {
        "h": {"stride_h": stride_h, "dilation_h": dilation_h, "top": top, "bottom": bottom},
        "w": {"stride_w": stride_w, "dilation_w": dilation_w, "left": left, "right": right},
    }
    directions = each("asymmetric_conv2d", X, W, moves)
    return correlate(X, W, directions, b), (X, W, directions)


def asymmetric_conv2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, i, j] -> dX[..., c, h, w], dW[o, c, u, v], db[o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-3], W.shape[0], *steps(directions))
    dY = cotangent("asymmetric_conv2d_bwd", "dY[...,o,i,j]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions), bias(dY, 2)


def asymmetric_conv3d(
    X: Array,
    W: Array,
    b: Array,
    *,
    stride_f: int = 1,
    stride_h: int = 1,
    stride_w: int = 1,
    dilation_f: int = 1,
    dilation_h: int = 1,
    dilation_w: int = 1,
    front: int = 0,
    back: int = 0,
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
) -> Array:
    """X[..., c, f, h, w], W[o, c, r, u, v], b[o] -> Y[..., o, t, i, j]"""
    return asymmetric_conv3d_fwd(
        X,
        W,
        b,
        stride_f=stride_f,
        stride_h=stride_h,
        stride_w=stride_w,
        dilation_f=dilation_f,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        front=front,
        back=back,
        top=top,
        bottom=bottom,
        left=left,
        right=right,
    )[0]


def asymmetric_conv3d_fwd(
    X: Array,
    W: Array,
    b: Array,
    *,
    stride_f: int = 1,
    stride_h: int = 1,
    stride_w: int = 1,
    dilation_f: int = 1,
    dilation_h: int = 1,
    dilation_w: int = 1,
    front: int = 0,
    back: int = 0,
    top: int = 0,
    bottom: int = 0,
    left: int = 0,
    right: int = 0,
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("asymmetric_conv3d", "X[...,c,f,h,w] W[o,c,r,u,v] b[o]", X, W, b)
    moves = {
        "f": {"stride_f": stride_f, "dilation_f": dilation_f, "front": front, "back": back},
        "h": {"stride_h": stride_h, "dilation_h": dilation_h, "top": top, "bottom": bottom},
        "w": {"stride_w": stride_w, "dilation_w": dilation_w, "left": left, "right": right},
    }
    directions = each("asymmetric_conv3d", X, W, moves)
    return correlate(X, W, directions, b), (X, W, directions)


def asymmetric_conv3d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, t, i, j] -> dX[..., c, f, h, w], dW[o, c, r, u, v], db[o]"""
    X, W, directions = residuals
    shape = (*X.shape[:-4], W.shape[0], *steps(directions))
    dY = cotangent("asymmetric_conv3d_bwd", "dY[...,o,t,i,j]", dY, shape, X.dtype)
    return spread(dY, W, directions), kernel(X, dY, directions), bias(dY, 3)


def each(layer: str, X: Array, W: Array, moves: Mapping[str, Mapping[str, int]]) -> Directions:
    """One direction for each of the last axes: its stride, dilation and padding at either end, by their names."""
    shapes = zip(X.shape[-len(moves) :], W.shape[-len(moves) :], strict=True)
    return [
        direction(layer, axis, length, taps, *(option(layer, name, given) for name, given in move.items()))
        for (axis, move), (length, taps) in zip(moves.items(), shapes, strict=True)
    ]

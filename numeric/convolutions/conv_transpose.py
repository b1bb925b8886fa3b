"""Transposed convolutions, with channels and any leading axes: what a convolution reads, they write.

    Y[..., o, t] = b[o] + Σ_{c,l,k} X[..., c, l] W[c, o, k] [t = s l + d k - p]

in one and two directions, with stride s, dilation d and padding p, for t < s (n - 1) - 2 p + d (K - 1) + 1 + q, where q
is the output padding.
Their backward is a convolution (Dumoulin & Visin, A guide to convolution arithmetic for deep learning, 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import Direction, Directions, bias, correlate, kernel, option, spread


def conv_transpose1d(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> Array:
    """X[..., c, l], W[c, o, k], b[o] -> Y[..., o, t]"""
    return conv_transpose1d_fwd(
        X, W, b, stride=stride, padding=padding, dilation=dilation, output_padding=output_padding
    )[0]


def conv_transpose1d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("conv_transpose1d", "X[...,c,l] W[c,o,k] b[o]", X, W, b)
    written = _written("conv_transpose1d", "l", X.shape, W.shape, stride, padding, dilation, output_padding)
    return spread(X, W, written) + b[:, None], (X, W, written)


def conv_transpose1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, t] -> dX[..., c, l], dW[c, o, k], db[o]"""
    X, W, written = residuals
    shape = (*X.shape[:-2], W.shape[1], *(d.length for d in written))
    dY = cotangent("conv_transpose1d_bwd", "dY[...,o,t]", dY, shape, X.dtype)
    return correlate(dY, W, written), kernel(dY, X, written), bias(dY, 1)


def conv_transpose2d(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> Array:
    """X[..., c, h, w], W[c, o, u, v], b[o] -> Y[..., o, i, j]"""
    return conv_transpose2d_fwd(
        X, W, b, stride=stride, padding=padding, dilation=dilation, output_padding=output_padding
    )[0]


def conv_transpose2d_fwd(
    X: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("conv_transpose2d", "X[...,c,h,w] W[c,o,u,v] b[o]", X, W, b)
    written = _written("conv_transpose2d", "hw", X.shape, W.shape, stride, padding, dilation, output_padding)
    return spread(X, W, written) + b[:, None, None], (X, W, written)


def conv_transpose2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, i, j] -> dX[..., c, h, w], dW[c, o, u, v], db[o]"""
    X, W, written = residuals
    shape = (*X.shape[:-3], W.shape[1], *(d.length for d in written))
    dY = cotangent("conv_transpose2d_bwd", "dY[...,o,i,j]", dY, shape, X.dtype)
    return correlate(dY, W, written), kernel(dY, X, written), bias(dY, 2)


def _written(
    layer: str,
    axes: str,
    shape: Sequence[int],
    kernel: Sequence[int],
    stride: int,
    padding: int,
    dilation: int,
    output_padding: int,
) -> Directions:
    """How the kernel moves over the output: a step for each entry of the input."""
    stride, dilation = option(layer, "stride", stride), option(layer, "dilation", dilation)
    padding, more = option(layer, "padding", padding), option(layer, "output_padding", output_padding)
    found = []
    for axis, steps, tap in zip(axes, shape[-len(axes) :], kernel[-len(axes) :], strict=True):
        length = stride * (steps - 1) - 2 * padding + dilation * (tap - 1) + more + 1
        if tap < 1 or length < 1:
            raise ValueError(
                f"{layer}: X, axis {axis}: the output would be empty: {steps} entries, {tap} taps, stride {stride}, "
                f"padding {padding}, dilation {dilation} and output_padding {more} leave {length}."
            )
        found.append(Direction(length, tap, steps, stride, dilation, padding, padding))
    return found

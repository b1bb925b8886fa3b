"""Causal convolution, with channels and any leading axes: no entry of the output depends on a later one of the input.

    Y[..., o, l] = b[o] + Σ_{c,k} W[o, c, k] X[..., c, l - d k]

with dilation d; what came before the beginning is 0 (van den Oord et al., WaveNet, 2016). It is a cross-correlation
with the kernel turned around, after a padding in front.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .spatial import bias, correlate, direction, kernel, option, spread


def causal_conv1d(X: Array, W: Array, b: Array, *, dilation: int = 1) -> Array:
    """X[..., c, l], W[o, c, k], b[o] -> Y[..., o, l]"""
    return causal_conv1d_fwd(X, W, b, dilation=dilation)[0]


def causal_conv1d_fwd(X: Array, W: Array, b: Array, *, dilation: int = 1) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("causal_conv1d", "X[...,c,l] W[o,c,k] b[o]", X, W, b)
    dilation = option("causal_conv1d", "dilation", dilation)
    past = dilation * (W.shape[-1] - 1)
    directions = [direction("causal_conv1d", "l", X.shape[-1], W.shape[-1], 1, dilation, past, 0)]
    return correlate(X, W[..., ::-1], directions, b), (X, W, directions)


def causal_conv1d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o, l] -> dX[..., c, l], dW[o, c, k], db[o]"""
    X, W, directions = residuals
    dY = cotangent("causal_conv1d_bwd", "dY[...,o,l]", dY, (*X.shape[:-2], W.shape[0], X.shape[-1]), X.dtype)
    return spread(dY, W[..., ::-1], directions), kernel(X, dY, directions)[..., ::-1], bias(dY, 1)

"""Depthwise separable convolution: over space channel by channel, then over channels place by place.

    H = depthwise(X, D, a)          Y = pointwise(H, P, b)

(Chollet, Xception, 2017; Howard et al., MobileNets, 2017). It takes its gradients from the two layers it is made of.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit
from .depthwise_conv import depthwise_conv2d_bwd, depthwise_conv2d_fwd, pointwise_conv2d_bwd, pointwise_conv2d_fwd


def depthwise_separable_conv2d(
    X: Array, D: Array, a: Array, P: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Array:
    """X[..., c, h, w], D[c, u, v], a[c], P[o, c], b[o] -> Y[..., o, i, j]"""
    return depthwise_separable_conv2d_fwd(X, D, a, P, b, stride=stride, padding=padding, dilation=dilation)[0]


def depthwise_separable_conv2d_fwd(
    X: Array, D: Array, a: Array, P: Array, b: Array, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "X[...,c,h,w] D[c,u,v] a[c] P[o,c] b[o]"
    X, D, a, P, b = admit("depthwise_separable_conv2d", signature, X, D, a, P, b)
    H, depthwise = depthwise_conv2d_fwd(X, D, a, stride=stride, padding=padding, dilation=dilation)
    Y, pointwise = pointwise_conv2d_fwd(H, P, b)
    return Y, (depthwise, pointwise)


def depthwise_separable_conv2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array, Array, Array]:
    """dY[..., o, i, j] -> dX[..., c, h, w], dD[c, u, v], da[c], dP[o, c], db[o]"""
    depthwise, pointwise = residuals
    dH, dP, db = pointwise_conv2d_bwd(pointwise, dY)
    dX, dD, da = depthwise_conv2d_bwd(depthwise, dH)
    return dX, dD, da, dP, db

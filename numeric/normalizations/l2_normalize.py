"""Rows of length 1: Y = r X with r = 1 / ‖X‖, and r = 0 for a row of zeros, which stays as it is.

With the cotangent G = ∂L/∂Y:   dX = r (G - Y (G · Y)), the part of r G that is orthogonal to Y
(Schroff, Kalenichenko and Philbin, FaceNet, 2015).
"""

from __future__ import annotations

import numpy as np

from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent, portions


def l2_normalize(X: Array) -> Array:
    """X[..., j] -> Y[..., j]"""
    return l2_normalize_fwd(X)[0]


def l2_normalize_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("l2_normalize", "X[...,j]", X)
    r = np.sqrt(row_dots(X, X))
    np.divide(1, r, out=r, where=r > 0)
    Y = r * X
    return Y, (r, Y)


def l2_normalize_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[..., j] -> dX[..., j]"""
    r, Y = residuals
    dY = cotangent("l2_normalize_bwd", "dY[...,j]", dY, Y.shape, Y.dtype)
    dX = np.empty(Y.shape, dY.dtype)
    for y, s, g, dx in portions(Y.ndim - 1, Y, r, dY, dX):
        np.multiply(y, -row_dots(g, y), out=dx)
        dx += g
        dx *= s
    return dX

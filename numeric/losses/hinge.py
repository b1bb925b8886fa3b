"""Hinge loss of n scores Y with labels T of ±1: L = Σ max(1 - T Y, 0) / n.

With the cotangent dL:   dY = -dL T [T Y < 1] / n,   dT = -dL Y [T Y < 1] / n
(Cortes & Vapnik, Support-vector networks, 1995).
"""

from __future__ import annotations

import numpy as np

from ..activations.elementwise import where_else_zero
from ..shapes import Array, Residuals, admit, cotangent, portions
from ._nonempty import nonempty


def hinge(Y: Array, T: Array) -> Array:
    """Y[...], T[...] -> L"""
    return hinge_fwd(Y, T)[0]


def hinge_fwd(Y: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Y, T = admit("hinge", "Y[...] T[...]", Y, T)
    nonempty("hinge", "Y", "...", Y)
    total = Y.dtype.type(0)
    for y, t in portions(Y.ndim, Y, T):
        total += np.sum(np.maximum(1 - t * y, 0))
    return total / Y.size, (Y, T)


def hinge_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dY[...], dT[...]"""
    Y, T = residuals
    dL = cotangent("hinge_bwd", "dL[]", dL, (), Y.dtype)
    share = -dL / Y.size
    dY, dT = np.empty(Y.shape, share.dtype), np.empty(Y.shape, share.dtype)
    for y, t, dy, dt in portions(Y.ndim, Y, T, dY, dT):
        slope = where_else_zero(t * y < 1, np.full(y.shape, share))
        np.multiply(slope, t, out=dy)
        np.multiply(slope, y, out=dt)
    return dY, dT

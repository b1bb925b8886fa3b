"""Huber loss, the mean over n entries of r²/2 where |r| ≤ δ and of δ (|r| - δ/2) beyond, r = Y - T.

With c = r clipped to ±δ an entry is c (r - c/2), and with the cotangent dL:   dY = dL c / n,   dT = -dY
(Huber, Robust estimation of a location parameter, 1964).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, portions
from ._nonempty import nonempty


def huber(Y: Array, T: Array, *, delta: float = 1.0) -> Array:
    """Y[...], T[...] -> L"""
    return huber_fwd(Y, T, delta=delta)[0]


def huber_fwd(Y: Array, T: Array, *, delta: float = 1.0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Y, T = admit("huber", "Y[...] T[...]", Y, T)
    nonempty("huber", "Y", "...", Y)
    total, clipped = Y.dtype.type(0), np.empty(Y.shape, Y.dtype)
    for y, t, c in portions(Y.ndim, Y, T, clipped):
        r = y - t
        np.clip(r, -delta, delta, out=c)
        total += np.sum(c * (r - c / 2))
    return total / Y.size, (clipped,)


def huber_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dY[...], dT[...]"""
    (clipped,) = residuals
    dL = cotangent("huber_bwd", "dL[]", dL, (), clipped.dtype)
    dY = dL / clipped.size * clipped
    return dY, -dY

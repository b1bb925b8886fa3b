"""Hinge loss of n scores Y with labels T of ±1: L = Σ max(1 - T Y, 0) / n.

With the cotangent dL:   dY = -dL T [T Y < 1] / n,   dT = -dL Y [T Y < 1] / n
(Cortes & Vapnik, Support-vector networks, 1995).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from ._nonempty import nonempty


def hinge(Y: Array, T: Array) -> Array:
    """Y[...], T[...] -> L"""
    return hinge_fwd(Y, T)[0]


def hinge_fwd(Y: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Y, T = admit("hinge", "Y[...] T[...]", Y, T)
    nonempty("hinge", "Y", "...", Y)
    slack = np.maximum(1 - T * Y, 0)
    return np.mean(slack), (Y, T, slack > 0)


def hinge_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dY[...], dT[...]"""
    Y, T, short = residuals
    dL = cotangent("hinge_bwd", "dL[]", dL, (), Y.dtype)
    share = np.where(short, -dL / Y.size, 0)
    return share * T, share * Y

"""Logistic loss of n logits Z with labels T of ±1: L = Σ log(1 + exp(-T Z)) / n.

With σ the logistic function and the cotangent dL:   dZ = -dL T σ(-T Z) / n,   dT = -dL Z σ(-T Z) / n
(Murphy, Machine Learning: A Probabilistic Perspective, section 8.3.1).
"""

from __future__ import annotations

import numpy as np

from ..activations.elementwise import logistic, smooth_ramp
from ..shapes import Array, Residuals, admit, cotangent, portions
from ._nonempty import nonempty


def logistic_loss(Z: Array, T: Array) -> Array:
    """Z[...], T[...] -> L"""
    return logistic_loss_fwd(Z, T)[0]


def logistic_loss_fwd(Z: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("logistic_loss", "Z[...] T[...]", Z, T)
    nonempty("logistic_loss", "Z", "...", Z)
    total = Z.dtype.type(0)
    for z, t in portions(Z.ndim, Z, T):
        total += np.sum(smooth_ramp(-t * z))
    return total / Z.size, (Z, T)


def logistic_loss_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[...], dT[...]"""
    Z, T = residuals
    dL = cotangent("logistic_loss_bwd", "dL[]", dL, (), Z.dtype)
    share = -dL / Z.size
    dZ, dT = np.empty(Z.shape, share.dtype), np.empty(Z.shape, share.dtype)
    for z, t, dz, dt in portions(Z.ndim, Z, T, dZ, dT):
        slope = share * logistic(-t * z)
        np.multiply(slope, t, out=dz)
        np.multiply(slope, z, out=dt)
    return dZ, dT

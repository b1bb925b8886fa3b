"""Logistic loss of n logits Z with labels T of ±1: L = Σ log(1 + exp(-T Z)) / n.

With σ the logistic function and the cotangent dL:   dZ = -dL T σ(-T Z) / n,   dT = -dL Z σ(-T Z) / n
(Murphy, Machine Learning: A Probabilistic Perspective, section 8.3.1).
"""

from __future__ import annotations

import numpy as np

from ..activations.elementwise import sigmoid
from ..shapes import Array, Residuals, admit, cotangent
from ._nonempty import nonempty


def logistic_loss(Z: Array, T: Array) -> Array:
    """Z[...], T[...] -> L"""
    return logistic_loss_fwd(Z, T)[0]


def logistic_loss_fwd(Z: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("logistic_loss", "Z[...] T[...]", Z, T)
    nonempty("logistic_loss", "Z", "...", Z)
    # logaddexp(0, x) is log(1 + exp(x)) without the overflow.
    return np.mean(np.logaddexp(0, -T * Z)), (Z, T)


def logistic_loss_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[...], dT[...]"""
    Z, T = residuals
    dL = cotangent("logistic_loss_bwd", "dL[]", dL, (), Z.dtype)
    share = -dL / Z.size * sigmoid(-T * Z)
    return share * T, share * Z

"""Binary cross-entropy of n labels T between 0 and 1 from logits Z: L = Σ log(1 + exp(Z)) - T Z, over n.

With σ the logistic function and the cotangent dL:   dZ = dL (σ(Z) - T) / n,   dT = -dL Z / n
(Bishop, Pattern Recognition and Machine Learning, section 4.3.2).
"""

from __future__ import annotations

import numpy as np

from ..activations.elementwise import logistic, smooth_ramp
from ..shapes import Array, Residuals, admit, cotangent, portions
from ._nonempty import nonempty


def binary_cross_entropy(Z: Array, T: Array) -> Array:
    """Z[...], T[...] -> L"""
    return binary_cross_entropy_fwd(Z, T)[0]


def binary_cross_entropy_fwd(Z: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("binary_cross_entropy", "Z[...] T[...]", Z, T)
    nonempty("binary_cross_entropy", "Z", "...", Z)
    total = Z.dtype.type(0)
    for z, t in portions(Z.ndim, Z, T):
        total += np.sum(smooth_ramp(z) - t * z)
    return total / Z.size, (Z, T)


def binary_cross_entropy_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[...], dT[...]"""
    Z, T = residuals
    dL = cotangent("binary_cross_entropy_bwd", "dL[]", dL, (), Z.dtype)
    share = dL / Z.size
    dZ = np.empty(Z.shape, share.dtype)
    for z, t, dz in portions(Z.ndim, Z, T, dZ):
        np.multiply(logistic(z) - t, share, out=dz)
    return dZ, -share * Z

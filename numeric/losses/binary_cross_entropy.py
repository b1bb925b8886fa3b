"""Binary cross-entropy of n labels T between 0 and 1 from logits Z: L = Σ log(1 + exp(Z)) - T Z, over n.

With σ the logistic function and the cotangent dL:   dZ = dL (σ(Z) - T) / n,   dT = -dL Z / n
(Bishop, Pattern Recognition and Machine Learning, section 4.3.2).
"""

from __future__ import annotations

import numpy as np

from ..activations.elementwise import sigmoid
from ..shapes import Array, Residuals, admit, cotangent
from ._nonempty import nonempty


def binary_cross_entropy(Z: Array, T: Array) -> Array:
    """Z[...], T[...] -> L"""
    return binary_cross_entropy_fwd(Z, T)[0]


def binary_cross_entropy_fwd(Z: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("binary_cross_entropy", "Z[...] T[...]", Z, T)
    nonempty("binary_cross_entropy", "Z", "...", Z)
    # logaddexp(0, x) is log(1 + exp(x)) without the overflow.
    return np.mean(np.logaddexp(0, Z) - T * Z), (Z, T)


def binary_cross_entropy_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[...], dT[...]"""
    Z, T = residuals
    dL = cotangent("binary_cross_entropy_bwd", "dL[]", dL, (), Z.dtype)
    share = dL / Z.size
    return share * (sigmoid(Z) - T), -share * Z

"""Cross-entropy of B rows of target probabilities T and P = softmax(Z): L = -Σ T log P / B.

Where each row of T sums to 1, with the cotangent dL:   dZ = dL (P - T) / B,   dT = -dL log P / B
(Bishop, Pattern Recognition and Machine Learning, section 4.3.4).
"""

from __future__ import annotations

import numpy as np

from ..activations.log_softmax import log_softmax
from ..shapes import Array, Residuals, admit, cotangent
from ._nonempty import nonempty


def cross_entropy(Z: Array, T: Array) -> Array:
    """Z[b, c], T[b, c] -> L"""
    return cross_entropy_fwd(Z, T)[0]


def cross_entropy_fwd(Z: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("cross_entropy", "Z[b,c] T[b,c]", Z, T)
    nonempty("cross_entropy", "Z", "b", Z)
    logP = log_softmax(Z)
    return -np.sum(T * logP) / len(Z), (T, logP)


def cross_entropy_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[b, c], dT[b, c]"""
    T, logP = residuals
    dL = cotangent("cross_entropy_bwd", "dL[]", dL, (), T.dtype)
    share = dL / len(T)
    return share * (np.exp(logP) - T), -share * logP

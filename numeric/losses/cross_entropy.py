"""Cross-entropy of B rows of target probabilities T and P = softmax(Z): L = -Σ T log P / B.

Where each row of T sums to 1, with the cotangent dL:   dZ = dL (P - T) / B,   dT = -dL log P / B
(Bishop, Pattern Recognition and Machine Learning, section 4.3.4).
"""

from __future__ import annotations

import numpy as np

from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent, row_blocks
from ._nonempty import nonempty


def cross_entropy(Z: Array, T: Array) -> Array:
    """Z[b, c], T[b, c] -> L"""
    return cross_entropy_fwd(Z, T)[0]


def cross_entropy_fwd(Z: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("cross_entropy", "Z[b,c] T[b,c]", Z, T)
    nonempty("cross_entropy", "Z", "b", Z)
    total, top, logs = Z.dtype.type(0), *np.empty((2, len(Z), 1), Z.dtype)
    for part in row_blocks(Z):
        top[part] = Z[part].max(axis=-1, keepdims=True)
        shifted = Z[part] - top[part]
        likely = row_dots(T[part], shifted)
        logs[part] = np.log(np.exp(shifted, out=shifted).sum(axis=-1, keepdims=True))
        total += np.sum(logs[part] * T[part].sum(axis=-1, keepdims=True) - likely)
    # log P = (Z - top) - logs is formed again rather than kept: Z is there already. Of large scores, top + logs would
    # lose the digits of logs.
    return np.asarray(total / len(Z), Z.dtype), (Z, T, top, logs)


def cross_entropy_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[b, c], dT[b, c]"""
    Z, T, top, logs = residuals
    dL = cotangent("cross_entropy_bwd", "dL[]", dL, (), T.dtype)
    share = dL / len(T)
    dZ, dT = np.empty(Z.shape, share.dtype), np.empty(T.shape, share.dtype)
    for part in row_blocks(Z):
        logP = Z[part] - top[part]
        logP -= logs[part]
        np.multiply(logP, -share, out=dT[part])
        P = np.exp(logP, out=logP)
        P -= T[part]
        np.multiply(P, share, out=dZ[part])
    return dZ, dT

"""InfoNCE of n pairs of rows: L = -Σ_i log P[i, i] / n, P = softmax(U Vᵀ / τ).

With the cotangent dL:   dS = dL (P - I) / n,   dU = dS V / τ,   dV = dSᵀ U / τ
(van den Oord, Li & Vinyals, Representation learning with contrastive predictive coding, 2018).
"""

from __future__ import annotations

import numpy as np

from ..activations.log_softmax import log_softmax
from ..shapes import Array, Residuals, admit, cotangent
from ._nonempty import nonempty


def info_nce(U: Array, V: Array, *, temperature: float = 0.5) -> Array:
    """U[i, d], V[i, d] -> L"""
    return info_nce_fwd(U, V, temperature=temperature)[0]


def info_nce_fwd(U: Array, V: Array, *, temperature: float = 0.5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    U, V = admit("info_nce", "U[i,d] V[i,d]", U, V)
    nonempty("info_nce", "U", "i", U)
    logP = log_softmax((U / temperature) @ V.T)
    return -np.trace(logP) / len(U), (U, V, logP, temperature)


def info_nce_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dU[i, d], dV[i, d]"""
    U, V, logP, temperature = residuals
    dL = cotangent("info_nce_bwd", "dL[]", dL, (), U.dtype)
    dS = np.exp(logP)
    dS[np.diag_indices_from(dS)] -= 1
    dS *= dL / (len(U) * temperature)
    return dS @ V, dS.T @ U

"""Causal attention with linear biases: S = Q Kᵀ / √d_k + m (j - i) for j ≤ i (Press, Smith & Lewis, ALiBi, 2022).

m has one slope for each head; its gradient is the sum of dS ⊙ (j - i), and the others are those of attention.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, masked_softmax, scores


def alibi_attention(Q: Array, K: Array, V: Array, slope: Array) -> Array:
    """Q[..., h, i, d], K[..., h, j, d], V[..., h, j, e], slope[h] -> O[..., h, i, e]"""
    return alibi_attention_fwd(Q, K, V, slope)[0]


def alibi_attention_fwd(Q: Array, K: Array, V: Array, slope: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "Q[...,h,i,d] K[...,h,j,d] V[...,h,j,e] slope[h]"
    Q, K, V, slope = admit("alibi_attention", signature, Q, K, V, slope)
    S = scores(Q, K)
    S += slope[:, None, None] * _distances(S)
    P = masked_softmax(np.where(_distances(S) <= 0, S, -np.inf))
    O = P @ V
    return O, (Q, K, V, P, O)


def alibi_attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array, Array]:
    """dO[..., h, i, e] -> dQ[..., h, i, d], dK[..., h, j, d], dV[..., h, j, e], dslope[h]"""
    O = residuals[-1]
    dO = cotangent("alibi_attention_bwd", "dO[...,h,i,e]", dO, O.shape, O.dtype)
    dQ, dK, dV, dS = backward(residuals, dO)
    dslope = np.einsum("...hij,ij->...h", dS, _distances(dS)).reshape(-1, O.shape[-3]).sum(axis=0)
    return dQ, dK, dV, dslope


def _distances(S: Array) -> Array:
    """j - i, for each entry of the scores of a head."""
    n, m = S.shape[-2:]
    return np.subtract.outer(-np.arange(n), -np.arange(m)).astype(S.dtype)

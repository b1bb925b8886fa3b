"""Causal attention with linear biases: S = Q Kᵀ / √d_k + m (j - i) for j ≤ i (Press, Smith & Lewis, ALiBi, 2022).

m has one slope for each head; its gradient is the sum of dS ⊙ (j - i), and the others are those of attention.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, portions
from .attention import attend, hiding, room, room_for_gradients, scores_backward


def alibi_attention(Q: Array, K: Array, V: Array, slope: Array) -> Array:
    """Q[..., h, i, d], K[..., h, j, d], V[..., h, j, e], slope[h] -> O[..., h, i, e]"""
    return alibi_attention_fwd(Q, K, V, slope)[0]


def alibi_attention_fwd(Q: Array, K: Array, V: Array, slope: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "Q[...,h,i,d] K[...,h,j,d] V[...,h,j,e] slope[h]"
    Q, K, V, slope = admit("alibi_attention", signature, Q, K, V, slope)
    E, Q, Z, O = room(Q, K, V)
    distances = _distances(E)
    mask = hiding(distances <= 0, E.dtype)
    slopes = np.broadcast_to(slope, Q.shape[:-2])
    for e, q, k, v, m, z, o in portions(Q.ndim - 2, E, Q, K, V, slopes, Z, O):
        S = np.matmul(q, k.mT, out=e)
        S += np.multiply.outer(m, distances)
        S += mask
        attend(S, v, z, o)
    return O, (E, Q, K, V, Z, O)


def alibi_attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array, Array]:
    """dO[..., h, i, e] -> dQ[..., h, i, d], dK[..., h, j, d], dV[..., h, j, e], dslope[h]"""
    E, *_, O = residuals
    dO = cotangent("alibi_attention_bwd", "dO[...,h,i,e]", dO, O.shape, O.dtype)
    distances = _distances(E)
    gradients, dslope = room_for_gradients(residuals, dO.dtype), np.empty(O.shape[:-2], dO.dtype)
    for *part, dm in portions(O.ndim - 2, *residuals, dO, *gradients, dslope):
        np.einsum("...ij,ij->...", scores_backward(part), distances, out=dm)
    return *gradients, dslope.reshape(-1, O.shape[-3]).sum(axis=0)


def _distances(S: Array) -> Array:
    """j - i, for each entry of the scores of a head."""
    n, m = S.shape[-2:]
    return np.subtract.outer(-np.arange(n), -np.arange(m)).astype(S.dtype)

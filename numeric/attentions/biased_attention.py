"""Attention with an additive bias or mask: O = softmax(Q Kᵀ / √d_k + B) V (Raffel et al., T5, 2020).

The bias is added to the scores, so that dB = dS; the other gradients are those of attention. An entry of -inf masks a
key, and a row of nothing else gives zeros.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, portions
from .attention import attend, room, room_for_gradients, scores_backward


def biased_attention(Q: Array, K: Array, V: Array, B: Array) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e], B[..., i, j] -> O[..., i, e]"""
    return biased_attention_fwd(Q, K, V, B)[0]


def biased_attention_fwd(Q: Array, K: Array, V: Array, B: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "Q[...,i,d] K[...,j,d] V[...,j,e] B[...,i,j]"
    Q, K, V, B = admit("biased_attention", signature, Q, K, V, B)
    E, Q, Z, O = room(Q, K, V)
    for e, q, k, v, b, z, o in portions(Q.ndim - 2, E, Q, K, V, B, Z, O):
        S = np.matmul(q, k.mT, out=e)
        S += b
        attend(S, v, z, o)
    return O, (E, Q, K, V, Z, O)


def biased_attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e], dB[..., i, j]"""
    E, *_, O = residuals
    dO = cotangent("biased_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    gradients = (*room_for_gradients(residuals, dO.dtype), np.empty(E.shape, dO.dtype))
    for *part, db in portions(O.ndim - 2, *residuals, dO, *gradients):
        scores_backward(part, db)
    return gradients

"""Attention with an additive bias or mask: O = softmax(Q Kᵀ / √d_k + B) V (Raffel et al., T5, 2020).

The bias is added to the scores, so that dB = dS; the other gradients are those of attention. An entry of -inf masks a
key, and a row of nothing else gives zeros.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, masked_softmax, scores


def biased_attention(Q: Array, K: Array, V: Array, B: Array) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e], B[..., i, j] -> O[..., i, e]"""
    return biased_attention_fwd(Q, K, V, B)[0]


def biased_attention_fwd(Q: Array, K: Array, V: Array, B: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "Q[...,i,d] K[...,j,d] V[...,j,e] B[...,i,j]"
    Q, K, V, B = admit("biased_attention", signature, Q, K, V, B)
    S = scores(Q, K)
    S += B
    P = masked_softmax(S)
    O = P @ V
    return O, (Q, K, V, P, O)


def biased_attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e], dB[..., i, j]"""
    O = residuals[-1]
    dO = cotangent("biased_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    return backward(residuals, dO)

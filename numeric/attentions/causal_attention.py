"""Causal attention: query i sees the keys j ≤ i + past (Vaswani et al., 2017, §3.2.3).

P is 0 where a key is not seen, and so is dS = P ⊙ (G Vᵀ - δ 1ᵀ): the gradients are those of attention.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, forward, hiding


def causal_attention(Q: Array, K: Array, V: Array, *, past: int = 0) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e]"""
    return causal_attention_fwd(Q, K, V, past=past)[0]


def causal_attention_fwd(Q: Array, K: Array, V: Array, *, past: int = 0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("causal_attention", "Q[...,i,d] K[...,j,d] V[...,j,e]", Q, K, V)
    n, m = Q.shape[-2], K.shape[-2]
    mask = hiding(np.tri(n, m, past, dtype=bool), Q.dtype)
    return forward(Q, K, V, mask)


def causal_attention_bwd(residuals: Residuals, dO: Array, *, past: int = 0) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    *_, O = residuals
    dO = cotangent("causal_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    return backward(residuals, dO)

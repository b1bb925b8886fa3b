"""Sliding-window attention: query i sees the keys i - window ≤ j ≤ i (Beltagy et al., Longformer, 2020).

Where no key is in the window, P is 0 in the whole row. The gradients are those of attention.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, forward, hiding


def sliding_window_attention(Q: Array, K: Array, V: Array, *, window: int = 1) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e]"""
    return sliding_window_attention_fwd(Q, K, V, window=window)[0]


def sliding_window_attention_fwd(Q: Array, K: Array, V: Array, *, window: int = 1) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("sliding_window_attention", "Q[...,i,d] K[...,j,d] V[...,j,e]", Q, K, V)
    n, m = Q.shape[-2], K.shape[-2]
    mask = hiding(np.tri(n, m, dtype=bool) & ~np.tri(n, m, -window - 1, dtype=bool), Q.dtype)
    return forward(Q, K, V, mask)


def sliding_window_attention_bwd(residuals: Residuals, dO: Array, *, window: int = 1) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    *_, O = residuals
    dO = cotangent("sliding_window_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    return backward(residuals, dO)

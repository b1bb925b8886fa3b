"""Attention with rotary embedding: O = softmax(A Bᵀ / √d) V, A and B the queries and keys turned by their places.

Attention on what was turned; its gradients are turned back (Su et al., RoFormer, 2021).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, forward
from .rotary import rotary_bwd, rotary_fwd


def rotary_attention(Q: Array, K: Array, V: Array, *, base: float = 10000, past: int = 0) -> Array:
    """Q[..., i, c, p], K[..., j, c, p], V[..., j, e] -> O[..., i, e], with two entries c in a pair"""
    return rotary_attention_fwd(Q, K, V, base=base, past=past)[0]


def rotary_attention_fwd(
    Q: Array, K: Array, V: Array, *, base: float = 10000, past: int = 0
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("rotary_attention", "Q[...,i,c,p] K[...,j,c,p] V[...,j,e]", Q, K, V)
    A, queries = rotary_fwd(Q, base=base, past=past)
    B, keys = rotary_fwd(K, base=base)
    O, inside = forward(_rows(A), _rows(B), V)
    return O, (queries, keys, inside, O)


def rotary_attention_bwd(
    residuals: Residuals, dO: Array, *, base: float = 10000, past: int = 0
) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, c, p], dK[..., j, c, p], dV[..., j, e]"""
    queries, keys, inside, O = residuals
    dO = cotangent("rotary_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    dA, dB, dV = backward(inside, dO)
    return rotary_bwd(queries, _pairs(dA)), rotary_bwd(keys, _pairs(dB)), dV


def _rows(X: Array) -> Array:
    """X[..., t, c, p] -> [..., t, cp]"""
    return X.reshape(*X.shape[:-2], 2 * X.shape[-1])


def _pairs(X: Array) -> Array:
    """X[..., t, cp] -> [..., t, c, p]"""
    return X.reshape(*X.shape[:-1], 2, X.shape[-1] // 2)

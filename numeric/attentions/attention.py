"""Scaled dot-product attention: O = softmax(Q Kᵀ / √d_k) V (Vaswani et al., 2017).

With P = softmax(Q Kᵀ / √d_k) and the cotangent G = ∂L/∂O:

    dV = Pᵀ G        dS = P ⊙ (G Vᵀ - δ 1ᵀ),   δ = (G ⊙ O) 1
    dQ = dS K / √d_k        dK = dSᵀ Q / √d_k

δ is the softmax's (P ⊙ dP) 1, read off the output (Dao et al., FlashAttention, 2022, appendix B).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent, portions


def attention(Q: Array, K: Array, V: Array) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e]"""
    return attention_fwd(Q, K, V)[0]


def attention_fwd(Q: Array, K: Array, V: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("attention", "Q[...,i,d] K[...,j,d] V[...,j,e]", Q, K, V)
    return forward(Q, K, V)


def attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    *_, O = residuals
    dO = cotangent("attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    return backward(residuals, dO)


# What the variants share: they differ in the scores alone. All is done for a few matrices of scores at a time, which
# stay in the cache.


def forward(Q: Array, K: Array, V: Array, mask: Array | None = None) -> tuple[Array, Residuals]:
    """Q[..., i, d], K[..., j, d], V[..., j, e], mask[i, j] -> O[..., i, e], and what the backward needs"""
    E, Q, Z, O = room(Q, K, V)
    for e, q, k, v, z, o in portions(Q.ndim - 2, E, Q, K, V, Z, O):
        S = np.matmul(q, k.mT, out=e)
        if mask is not None:
            S += mask
        attend(S, v, z, o)
    return O, (E, Q, K, V, Z, O)


def attend(S: Array, V: Array, Z: Array, O: Array) -> None:
    """S[..., i, j], V[..., j, e] -> E in the place of S, and into their places Z[..., i, 1] and O[..., i, e]"""
    Z[...] = exponentials(S)
    np.matmul(S, V, out=O)
    # P = E / Z is not formed: to divide O costs i·e operations, to divide E i·j.
    O /= Z


def room(Q: Array, K: Array, V: Array) -> tuple[Array, Array, Array, Array]:
    """Room for E[..., i, j]; Q / √d_k; and room for Z[..., i, 1] and O[..., i, e]."""
    rows, dtype = Q.shape[:-1], Q.dtype
    # Scaling Q costs i·d operations, scaling the product i·j.
    return (
        np.empty((*rows, K.shape[-2]), dtype),
        np.divide(Q, math.sqrt(Q.shape[-1]), order="C"),
        np.empty((*rows, 1), dtype),
        np.empty((*rows, V.shape[-1]), dtype),
    )


def hiding(seen: Array, dtype: np.dtype) -> Array:
    """What to add to the scores: 0 where a query sees a key, else -inf. To add takes half the time of a choice."""
    return np.where(seen, dtype.type(0), -np.inf)


def exponentials(S: Array) -> Array:
    """The row sums Z of E, of which the softmax is E / Z; zeros over 1 for a row of nothing but -inf. S becomes E."""
    # From the lowest finite number on: -inf - -inf would be NaN.
    S -= S.max(axis=-1, keepdims=True, initial=np.finfo(S.dtype).min)
    np.exp(S, out=S)
    Z = S.sum(axis=-1, keepdims=True)
    # Where there is an entry, there is an exp(0).
    return np.maximum(Z, 1, out=Z)


def backward(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    gradients = room_for_gradients(residuals, dO.dtype)
    for part in portions(dO.ndim - 2, *residuals, dO, *gradients):
        scores_backward(part)
    return gradients


def room_for_gradients(residuals: Residuals, dtype: np.dtype) -> tuple[Array, Array, Array]:
    """For those of Q, K and V."""
    _, Q, K, V, *_ = residuals
    return np.empty(Q.shape, dtype), np.empty(K.shape, dtype), np.empty(V.shape, dtype)


def scores_backward(part: Sequence[Array], dS: Array | None = None) -> Array:
    """dO[..., i, e] -> dS[..., i, j], and the gradients by Q, K and V into their places; part holds them all."""
    E, Q, K, V, Z, O, dO, dQ, dK, dV = part
    # P is E / Z: what E is multiplied by is divided instead.
    G = dO / Z
    np.matmul(E.mT, G, out=dV)
    dS = np.matmul(G, V.mT, out=dS)
    dS -= row_dots(G, O)
    dS *= E
    np.matmul(dS, K, out=dQ)
    dQ /= math.sqrt(Q.shape[-1])
    # Here Q has been scaled already.
    np.matmul(dS.mT, Q, out=dK)
    return dS

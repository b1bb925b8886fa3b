"""Scaled dot-product attention: O = softmax(Q Kᵀ / √d_k) V (Vaswani et al., 2017).

With P = softmax(Q Kᵀ / √d_k) and the cotangent G = ∂L/∂O:

    dV = Pᵀ G        dS = P ⊙ (G Vᵀ - δ 1ᵀ),   δ = (G ⊙ O) 1
    dQ = dS K / √d_k        dK = dSᵀ Q / √d_k

δ is the softmax's (P ⊙ dP) 1, read off the output (Dao et al., FlashAttention, 2022, appendix B).
"""

from __future__ import annotations

import math

import numpy as np

from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent


def attention(Q: Array, K: Array, V: Array) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e]"""
    return attention_fwd(Q, K, V)[0]


def attention_fwd(Q: Array, K: Array, V: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("attention", "Q[...,i,d] K[...,j,d] V[...,j,e]", Q, K, V)
    E, Z = exponentials(scores(Q, K))
    # P = E / Z is not formed: to divide O costs i·e operations, to divide E i·j.
    O = E @ V
    O /= Z
    return O, (Q, K, V, E, Z, O)


def attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    Q, K, V, E, Z, O = residuals
    dO = cotangent("attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    return backward((Q, K, V, E, O), dO / Z)[:3]


# What the variants share: they differ in the scores alone.


def scores(Q: Array, K: Array) -> Array:
    """Q[..., i, d], K[..., j, d] -> S[..., i, j]"""
    # Scaling Q costs i·d operations, scaling the product i·j.
    return (Q / _scale(Q)) @ K.swapaxes(-1, -2)


def masked_softmax(S: Array) -> Array:
    """The softmax of rows in which -inf leaves an entry out; zeros for a row of nothing else. Overwrites S."""
    E, Z = exponentials(S)
    E /= Z
    return E


def exponentials(S: Array) -> tuple[Array, Array]:
    """E and its row sums Z, of which the softmax is E / Z; zeros over 1 for a row of nothing but -inf. Overwrites S."""
    # From the lowest finite number on: -inf - -inf would be NaN.
    S -= S.max(axis=-1, keepdims=True, initial=np.finfo(S.dtype).min)
    E = np.exp(S, out=S)
    Z = E.sum(axis=-1, keepdims=True)
    Z[Z == 0] = 1
    return E, Z


def backward(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e], dS[..., i, j]; with E and dO / Z, or P and dO"""
    Q, K, V, P, O = residuals
    dV = P.swapaxes(-1, -2) @ dO
    dS = dO @ V.swapaxes(-1, -2)
    dS -= row_dots(dO, O)
    dS *= P
    dQ = dS @ K
    dK = dS.swapaxes(-1, -2) @ Q
    dQ /= _scale(Q)
    dK /= _scale(Q)
    return dQ, dK, dV, dS


def _scale(Q: Array) -> float:
    return math.sqrt(Q.shape[-1])

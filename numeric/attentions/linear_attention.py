"""Linear attention: O = A (Cᵀ V) / (A Cᵀ 1 + ε), A = elu(Q) + 1, C = elu(K) + 1 (Katharopoulos et al., 2020).

No array of queries by keys: with M = Cᵀ V, z = Cᵀ 1, N = A M, s = A z + ε and the cotangent G = ∂L/∂O,

    dN = G / s        ds = -(dN ⊙ O) 1        dA = dN Mᵀ + ds zᵀ        dC = V dMᵀ + 1 dzᵀ
    dM = Aᵀ dN        dz = Aᵀ ds              dV = C dM

and the derivative of elu(x) + 1 is 1 where x > 0, else elu(x) + 1 itself.
"""

from __future__ import annotations

import numpy as np

from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent


def linear_attention(Q: Array, K: Array, V: Array, *, eps: float = 1e-6) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e]"""
    return linear_attention_fwd(Q, K, V, eps=eps)[0]


def linear_attention_fwd(Q: Array, K: Array, V: Array, *, eps: float = 1e-6) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("linear_attention", "Q[...,i,d] K[...,j,d] V[...,j,e]", Q, K, V)
    A, C = _positive(Q), _positive(K)
    M = C.swapaxes(-1, -2) @ V
    z = C.sum(axis=-2)[..., None]
    s = A @ z + float(eps)
    O = A @ M / s
    return O, (V, A, C, M, z, s, O)


def linear_attention_bwd(residuals: Residuals, dO: Array, *, eps: float = 1e-6) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    V, A, C, M, z, s, O = residuals
    dO = cotangent("linear_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    dN = dO / s
    ds = -row_dots(dN, O)
    dM = A.swapaxes(-1, -2) @ dN
    dz = A.swapaxes(-1, -2) @ ds
    dA = dN @ M.swapaxes(-1, -2) + ds * z.swapaxes(-1, -2)
    dC = V @ dM.swapaxes(-1, -2) + dz.swapaxes(-1, -2)
    # Of a positive x, elu(x) + 1 is more than 1.
    return dA * np.minimum(A, 1), dC * np.minimum(C, 1), C @ dM


def _positive(x: Array) -> Array:
    """elu(x) + 1"""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))

"""Linear attention: O = A (Cᵀ V) / (A Cᵀ 1 + ε), A = elu(Q) + 1, C = elu(K) + 1 (Katharopoulos et al., 2020).

No array of queries by keys: with M = Cᵀ V, z = Cᵀ 1, N = A M, s = A z + ε and the cotangent G = ∂L/∂O,

    dN = G / s        ds = -(dN ⊙ O) 1        dA = dN Mᵀ + ds zᵀ        dC = V dMᵀ + 1 dzᵀ
    dM = Aᵀ dN        dz = Aᵀ ds              dV = C dM

and the derivative of elu(x) + 1 is 1 where x > 0, else elu(x) + 1 itself.
"""

from __future__ import annotations

import numpy as np

from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent, portions


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
    O = A @ M
    O /= s
    return O, (V, A, C, M, z, s, O)


def linear_attention_bwd(residuals: Residuals, dO: Array, *, eps: float = 1e-6) -> tuple[Array, Array, Array]:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    V, A, C, M, z, s, O = residuals
    dO = cotangent("linear_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype)
    dN = dO / s
    ds = -row_dots(dN, O)
    dM = A.swapaxes(-1, -2) @ dN
    dz = A.swapaxes(-1, -2) @ ds
    dQ = dN @ M.swapaxes(-1, -2)
    dQ += ds * z.swapaxes(-1, -2)
    dK = V @ dM.swapaxes(-1, -2)
    dK += dz.swapaxes(-1, -2)
    # Of a positive x, elu(x) + 1 is more than 1.
    dQ *= np.minimum(A, 1)
    dK *= np.minimum(C, 1)
    return dQ, dK, C @ dM


def _positive(x: Array) -> Array:
    """elu(x) + 1"""
    Y = np.empty(x.shape, x.dtype)
    for entries, y in portions(x.ndim, x, Y):
        np.minimum(entries, 0, out=y)
        np.exp(y, out=y)
        y += np.maximum(entries, 0)
    return Y

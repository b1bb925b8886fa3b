"""Multi-query attention: the queries of H heads, one head of keys and values (Shazeer, 2019).

To the keys, the heads are more queries: this is attention with H n of them, and the sums over all queries in dK and dV
run over the heads too.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, forward


def multi_query_attention(Q: Array, K: Array, V: Array) -> Array:
    """Q[..., h, i, d], K[..., j, d], V[..., j, e] -> O[..., h, i, e]"""
    return multi_query_attention_fwd(Q, K, V)[0]


def multi_query_attention_fwd(Q: Array, K: Array, V: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("multi_query_attention", "Q[...,h,i,d] K[...,j,d] V[...,j,e]", Q, K, V)
    return heads_as_queries(Q, K, V)


def multi_query_attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array]:
    """dO[..., h, i, e] -> dQ[..., h, i, d], dK[..., j, d], dV[..., j, e]"""
    O, H = residuals[-2:]
    shape = (*O.shape[:-2], H, O.shape[-2] // H, O.shape[-1])
    dO = cotangent("multi_query_attention_bwd", "dO[...,h,i,e]", dO, shape, O.dtype)
    return queries_as_heads(residuals, dO)


def heads_as_queries(Q: Array, K: Array, V: Array) -> tuple[Array, Residuals]:
    """Q[..., h, i, d], K[..., j, d], V[..., j, e] -> O[..., h, i, e], and what the backward needs."""
    *leading, H, n, d = Q.shape
    Q = Q.reshape(*leading, H * n, d)
    O, inside = forward(Q, K, V)
    return O.reshape(*leading, H, n, V.shape[-1]), (*inside, H)


def queries_as_heads(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array]:
    """dO[..., h, i, e] -> dQ[..., h, i, d], dK[..., j, d], dV[..., j, e]"""
    *inner, _ = residuals
    *leading, H, n, _ = dO.shape
    dQ, dK, dV = backward(tuple(inner), dO.reshape(inner[-1].shape))
    return dQ.reshape(*leading, H, n, dQ.shape[-1]), dK, dV

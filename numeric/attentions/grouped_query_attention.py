"""Grouped-query attention: R heads of queries share each of G heads of keys and values (Ainslie et al., 2023).

It is multi-query attention within each group: the group is one more leading axis, and dK and dV sum over its heads.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .multi_query_attention import heads_as_queries, queries_as_heads


def grouped_query_attention(Q: Array, K: Array, V: Array) -> Array:
    """Q[..., g, r, i, d], K[..., g, j, d], V[..., g, j, e] -> O[..., g, r, i, e]"""
    return grouped_query_attention_fwd(Q, K, V)[0]


def grouped_query_attention_fwd(Q: Array, K: Array, V: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("grouped_query_attention", "Q[...,g,r,i,d] K[...,g,j,d] V[...,g,j,e]", Q, K, V)
    return heads_as_queries(Q, K, V)


def grouped_query_attention_bwd(residuals: Residuals, dO: Array) -> tuple[Array, Array, Array]:
    """dO[..., g, r, i, e] -> dQ[..., g, r, i, d], dK[..., g, j, d], dV[..., g, j, e]"""
    O, R = residuals[-2:]
    shape = (*O.shape[:-2], R, O.shape[-2] // R, O.shape[-1])
    dO = cotangent("grouped_query_attention_bwd", "dO[...,g,r,i,e]", dO, shape, O.dtype)
    return queries_as_heads(residuals, dO)

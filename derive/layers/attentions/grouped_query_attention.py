"""Attention in which a group of query heads shares one head of keys and values."""

from sympy import Sum, sqrt

from derive.language import Tensor, axes, define, layer
from derive.layers.activations.softmax import softmax

g, r, i, j, d, e = axes("g=G r=R i=n j=m d=d_k e=d_v")


@layer
def grouped_query_attention(Q: Tensor[..., g, r, i, d], K: Tensor[..., g, j, d], V: Tensor[..., g, j, e]):
    """Grouped-query attention: query head (g, r) sees keys and values of group g (Ainslie et al., 2023)."""
    S = define("S", (..., g, r, i, j), Sum(Q[..., g, r, i, d] * K[..., g, j, d], d) / sqrt(d.size))
    P = softmax(S, over=j)
    return define("O", (..., g, r, i, e), Sum(P[..., g, r, i, j] * V[..., g, j, e], j))

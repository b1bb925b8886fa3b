"""Attention in which all query heads share one head of keys and values."""

from sympy import Sum, sqrt

from derive.language import Tensor, axes, define, layer
from derive.layers.activations.softmax import softmax

h, i, j, d, e = axes("h=H i=n j=m d=d_k e=d_v")


@layer
def multi_query_attention(Q: Tensor[..., h, i, d], K: Tensor[..., j, d], V: Tensor[..., j, e]):
    """Multi-query attention: many heads of queries, one of keys and values (Shazeer, 2019)."""
    S = define("S", (..., h, i, j), Sum(Q[..., h, i, d] * K[..., j, d], d) / sqrt(d.size))
    P = softmax(S, over=j)
    return define("O", (..., h, i, e), Sum(P[..., h, i, j] * V[..., j, e], j))

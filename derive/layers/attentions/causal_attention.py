"""Attention to what came before."""

from sympy import Sum, exp, sqrt

from derive.language import Integer, Tensor, axes, define, layer, where

i, j, k, d, e = axes("i=n j=m k=m d=d_k e=d_v")


@layer
def causal_attention(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], *, past: Integer(latex="p") = 0):
    """Causal attention: each query sees the keys up to its own place (Vaswani et al., 2017, §3.2.3).

    Query i stands at place i + past: there may be `past` keys from steps before, as in a cache.
    """
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d) / sqrt(d.size))
    Z = Sum(where(k <= i + past, exp(S[..., i, k])), k)
    P = define("P", (..., i, j), where(j <= i + past, exp(S[..., i, j]) / Z))
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))

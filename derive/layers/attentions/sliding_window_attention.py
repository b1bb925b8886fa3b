"""Attention to the keys that came last."""

from sympy import And, Sum, exp, sqrt

from derive.language import Integer, Tensor, axes, define, layer, where

i, j, k, d, e = axes("i=n j=m k=m d=d_k e=d_v")


@layer
def sliding_window_attention(
    Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], *, window: Integer(latex="w") = 1
):
    """Attention of query i to the i-th key and the `window` keys before it (Beltagy et al., Longformer, 2020).

    A query behind the last key may have none in its window: where no j fits, P = 0 and O = 0.
    """
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d) / sqrt(d.size))
    Z = Sum(where(And(k <= i, i - window <= k), exp(S[..., i, k])), k)
    P = define("P", (..., i, j), where(And(j <= i, i - window <= j), exp(S[..., i, j]) / Z))
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))

"""Scaled dot-product attention."""

from sympy import Sum, sqrt

from derive.language import Tensor, axes, define, layer
from derive.layers.activations.softmax import softmax

i, j, d, e = axes("i=n j=m d=d_k e=d_v")


@layer
def attention(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e]):
    """Scaled dot-product attention O = softmax(Q Kᵀ / √d_k) V over any leading axes (Vaswani et al., 2017)."""
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d) / sqrt(d.size))
    P = softmax(S, over=j)
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))

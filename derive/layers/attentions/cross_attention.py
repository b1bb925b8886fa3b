"""Attention with several heads from one sequence to another, and its projections."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer
from derive.layers.attentions.attention import attention

i, j, b, c, h, d, e, o = axes("i=n j=m b=d_in c=d_ctx h=H d=d_k e=d_v o=d_in")


@layer
def cross_attention(
    X: Tensor[..., i, b],
    C: Tensor[..., j, c],
    W_Q: Parameter[b, h, d],
    W_K: Parameter[c, h, d],
    W_V: Parameter[c, h, e],
    W_O: Parameter[h, e, o],
):
    """Multi-head attention from X to a context C (Vaswani et al., 2017, §3.2.3)."""
    Q = define("Q", (..., h, i, d), Sum(X[..., i, b] * W_Q[b, h, d], b))
    K = define("K", (..., h, j, d), Sum(C[..., j, c] * W_K[c, h, d], c))
    V = define("V", (..., h, j, e), Sum(C[..., j, c] * W_V[c, h, e], c))
    O = attention(Q, K, V)
    return define("Y", (..., i, o), Sum(O[..., h, i, e] * W_O[h, e, o], h, e))

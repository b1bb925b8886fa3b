"""Self-attention with several heads, and its projections."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer
from derive.layers.attentions.attention import attention

t, c, h, d, e, o = axes("t=n c=d_in h=H d=d_k e=d_v o=d_out")


@layer
def multi_head_attention(
    X: Tensor[..., t, c],
    W_Q: Parameter[c, h, d],
    W_K: Parameter[c, h, d],
    W_V: Parameter[c, h, e],
    W_O: Parameter[h, e, o],
):
    """Multi-head self-attention Y = Σ_h attention(X W_Q, X W_K, X W_V) W_O (Vaswani et al., 2017)."""
    Q = define("Q", (..., h, t, d), Sum(X[..., t, c] * W_Q[c, h, d], c))
    K = define("K", (..., h, t, d), Sum(X[..., t, c] * W_K[c, h, d], c))
    V = define("V", (..., h, t, e), Sum(X[..., t, c] * W_V[c, h, e], c))
    O = attention(Q, K, V)
    return define("Y", (..., t, o), Sum(O[..., h, t, e] * W_O[h, e, o], h, e))

"""Causal attention that tells positions apart by a linear bias."""

from sympy import Sum, exp, sqrt

from derive.language import Tensor, axes, define, layer, position, where

h, i, j, k, d, e = axes("h=H i=n j=m k=m d=d_k e=d_v")


@layer
def alibi_attention(
    Q: Tensor[..., h, i, d], K: Tensor[..., h, j, d], V: Tensor[..., h, j, e], slope: Tensor[h].latex(r"\mu")
):
    """Attention with linear biases: S = Q Kᵀ / √d_k + μ[h] (j - i) for j ≤ i (Press, Smith and Lewis, ALiBi, 2022)."""
    score = Sum(Q[..., h, i, d] * K[..., h, j, d], d) / sqrt(d.size)
    S = define("S", (..., h, i, j), score + slope[h] * position(j - i))
    Z = Sum(where(k <= i, exp(S[..., h, i, k])), k)
    P = define("P", (..., h, i, j), where(j <= i, exp(S[..., h, i, j]) / Z))
    return define("O", (..., h, i, e), Sum(P[..., h, i, j] * V[..., h, j, e], j))

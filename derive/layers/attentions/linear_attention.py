"""Attention without a softmax, in time linear in the number of keys."""

from sympy import Sum, exp

from derive.language import Real, Tensor, axes, define, layer, where

i, j, d, e = axes("i=n j=m d=d_k e=d_v")


@layer
def linear_attention(
    Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], *, eps: Real(latex=r"\epsilon") = 1e-6
):
    """Linear attention O = A (Cᵀ V) / (A Cᵀ 1 + ε), A = elu(Q) + 1, C = elu(K) + 1 (Katharopoulos et al., 2020)."""
    A = define("A", (..., i, d), where(Q[..., i, d] > 0, Q[..., i, d] + 1, exp(Q[..., i, d])))
    C = define("C", (..., j, d), where(K[..., j, d] > 0, K[..., j, d] + 1, exp(K[..., j, d])))
    M = define("M", (..., d, e), Sum(C[..., j, d] * V[..., j, e], j))
    z = define("z", (..., d), Sum(C[..., j, d], j))
    N = define("N", (..., i, e), Sum(A[..., i, d] * M[..., d, e], d))
    s = define("s", (..., i), Sum(A[..., i, d] * z[..., d], d) + eps)
    return define("O", (..., i, e), N[..., i, e] / s[..., i])

"""Attention with a bias, or a mask of zeros and minus infinities, added to its scores."""

from sympy import Gt, Sum, exp, sqrt

from derive.language import Tensor, axes, define, layer, where

i, j, k, d, e = axes("i=n j=m k=m d=d_k e=d_v")


@layer
def biased_attention(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], B: Tensor[..., i, j]):
    """Attention with a bias O = softmax(Q Kᵀ / √d_k + B) V (Raffel et al., T5, 2020).

    A bias of -∞ masks a key. Where a row has no other, Σ_k exp(S[k]) is 0, and so are P and O.
    """
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d) / sqrt(d.size) + B[..., i, j])
    Z = Sum(exp(S[..., i, k]), k)
    # To SymPy every S is finite, and Z > 0 true.
    P = define("P", (..., i, j), where(Gt(Z, 0, evaluate=False), exp(S[..., i, j]) / Z))
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))

"""The softmax of each row."""

from sympy import Sum, exp

from derive.language import Tensor, axes, define, layer

j, k = axes("j=n k=n")


@layer
def softmax(S: Tensor[..., j]):
    """Softmax P[j] = exp(S[j]) / Σ_k exp(S[k]) of each row (Bridle, 1990)."""
    return define("P", (..., j), exp(S[..., j]) / Sum(exp(S[..., k]), k))

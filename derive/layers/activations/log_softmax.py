"""The logarithm of the softmax of each row."""

from sympy import Sum, exp, log

from derive.language import Tensor, axes, define, layer

j, k = axes("j=n k=n")


@layer
def log_softmax(S: Tensor[..., j]):
    """Log-softmax A[j] = S[j] - log Σ_k exp(S[k]) of each row (Goodfellow, Bengio and Courville, 2016, §6.2.2.3)."""
    return define("A", (..., j), S[..., j] - log(Sum(exp(S[..., k]), k)))

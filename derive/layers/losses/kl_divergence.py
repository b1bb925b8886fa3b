"""Divergence of one softmax from another, as in distillation."""

from sympy import Sum

from derive.language import Tensor, axes, define, layer
from derive.layers.activations.log_softmax import log_softmax
from derive.layers.activations.softmax import softmax

b, c = axes("b=n c=C")


@layer
def kl_divergence(A: Tensor[b, c], B: Tensor[b, c]):
    """Divergence of Q = softmax(B) from P = softmax(A), the mean of n rows (Kullback and Leibler, 1951)."""
    P = softmax(A, over=c, name="P")
    softmax(B, over=c, name="Q")
    logP = log_softmax(A, over=c, name="logP")
    logQ = log_softmax(B, over=c, name="logQ")
    D = define("D", (b,), Sum(P[b, c] * (logP[b, c] - logQ[b, c]), c))
    return define("L", (), Sum(D[b], b) / b.size)

"""Cross-entropy of a classifier."""

from sympy import Eq, Sum

from derive.language import Tensor, axes, define, given, layer
from derive.layers.activations.log_softmax import log_softmax
from derive.layers.activations.softmax import softmax

b, c = axes("b=B c=C")


@layer
def cross_entropy(Z: Tensor[b, c], T: Tensor[b, c]):
    """Cross-entropy L = -Σ T log P / B of target probabilities T and P = softmax(Z) (Bishop, 2006, §4.3.4)."""
    given(Eq(Sum(T[b, c], c), 1))
    softmax(Z, over=c, name="P")
    logP = log_softmax(Z, over=c, name="logP")
    return define("L", (), -Sum(T[b, c] * logP[b, c], b, c) / b.size)

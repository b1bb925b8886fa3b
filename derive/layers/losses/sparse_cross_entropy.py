"""Cross-entropy from logits, where the labels are the numbers of the classes."""

from sympy import Eq, Sum

from derive.language import Real, Tensor, axes, define, iverson, layer
from derive.layers.activations.log_softmax import log_softmax
from derive.layers.activations.softmax import softmax

b, c = axes("b=B c=C")


@layer
def sparse_cross_entropy(Z: Tensor[b, c], label: Tensor[b].into(c)):
    """Mean cross-entropy -Σ_b log P[b, label[b]] / B of P = softmax(Z) (Bishop, Pattern Recognition, 2006, §4.3)."""
    softmax(Z, over=c, name="P")
    logP = log_softmax(Z, over=c, name="logP")
    return define("L", (), -Sum(logP[b, label[b]], b) / b.size)


@layer
def smoothed_cross_entropy(Z: Tensor[b, c], label: Tensor[b].into(c), *, epsilon: Real(latex=r"\epsilon") = 0.1):
    """Mean cross-entropy against labels that leave ε to all classes alike (Szegedy et al., 2016, §7)."""
    T = define("T", (b, c), (1 - epsilon) * iverson(Eq(c, label[b])) + epsilon / c.size)
    softmax(Z, over=c, name="P")
    logP = log_softmax(Z, over=c, name="logP")
    return define("L", (), -Sum(T[b, c] * logP[b, c], b, c) / b.size)

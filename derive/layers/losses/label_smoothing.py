"""Cross-entropy with smoothed labels."""

from sympy import Eq, Sum

from derive.language import Real, Tensor, axes, define, given, layer
from derive.layers.activations.log_softmax import log_softmax
from derive.layers.activations.softmax import softmax

b, c = axes("b=B c=C")


@layer
def label_smoothing(Z: Tensor[b, c], T: Tensor[b, c], *, epsilon: Real(latex=r"\epsilon") = 0.1):
    """Cross-entropy with the smoothed targets S = (1 - ε) T + ε / C of C classes (Szegedy et al., 2016, §7)."""
    given(Eq(Sum(T[b, c], c), 1))
    S = define("S", (b, c), (1 - epsilon) * T[b, c] + epsilon / c.size)
    softmax(Z, over=c, name="P")
    logP = log_softmax(Z, over=c, name="logP")
    return define("L", (), -Sum(S[b, c] * logP[b, c], b, c) / b.size)

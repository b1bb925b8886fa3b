"""The contrastive loss of pairs against the rest of their batch."""

from sympy import Sum

from derive.language import Real, Tensor, axes, define, layer
from derive.layers.activations.log_softmax import log_softmax
from derive.layers.activations.softmax import softmax

i, j, d = axes("i=n j=n d=D")


@layer
def info_nce(U: Tensor[i, d], V: Tensor[j, d], *, temperature: Real(latex=r"\tau") = 0.5):
    """InfoNCE L = -Σ_i log P[i, i] / n, P = softmax(U Vᵀ / τ): of all rows of V, each of U finds its own.

    The rows of V that belong to the other rows of U are its negatives (van den Oord, Li and Vinyals, 2018).
    """
    S = define("S", (i, j), Sum(U[i, d] * V[j, d], d) / temperature)
    softmax(S, over=j, name="P")
    logP = log_softmax(S, over=j, name="logP")
    return define("L", (), -Sum(logP[i, i], i) / i.size)

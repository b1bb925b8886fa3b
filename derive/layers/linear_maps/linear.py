"""A linear layer on a batch, in the layout of a row per sample."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer

i, o = axes("i=d_in o=d_out")


@layer
def linear(X: Tensor[..., i], W: Parameter[i, o], b: Parameter[o]):
    """Linear layer Y = XW + 1bᵀ over any leading axes (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1)."""
    return define("Y", (..., o), Sum(X[..., i] * W[i, o], i) + b[o])

"""An affine map of one vector."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer

i, o = axes("i=d_in o=d_out")


@layer
def affine(x: Tensor[i], W: Parameter[o, i], b: Parameter[o]):
    """Affine map y = W x + b of one vector (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1)."""
    return define("y", (o,), Sum(W[o, i] * x[i], i) + b[o])

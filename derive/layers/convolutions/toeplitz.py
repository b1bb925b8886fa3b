"""A Toeplitz matrix acting on one channel."""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

j, k = axes("j=n k=K")


@layer
def toeplitz(
    x: Tensor[j],
    w: Parameter[k],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Toeplitz operator y = T(w) x: cross-correlation of one channel, with zero padding."""
    t = Axis("t", (j.size + 2 * padding - dilation * (k.size - 1) - 1) // stride + 1)
    return define("y", (t,), Sum(w[k] * x[stride * t + dilation * k - padding], k))

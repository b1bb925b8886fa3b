"""One-dimensional convolution over channels."""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

c, o, l, k = axes("c=c_in o=c_out l=n k=K")


@layer
def conv1d(
    X: Tensor[..., c, l],
    W: Parameter[o, c, k],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution of channels in one dimension, as cross-correlation with zero padding (Dumoulin and Visin, 2016)."""
    t = Axis("t", (l.size + 2 * padding - dilation * (k.size - 1) - 1) // stride + 1)
    patch = X[..., c, stride * t + dilation * k - padding]
    return define("Y", (..., o, t), Sum(W[o, c, k] * patch, c, k) + b[o])

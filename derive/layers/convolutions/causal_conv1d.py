"""Convolution that sees the past alone."""

from sympy import Sum

from derive.language import Integer, Parameter, Tensor, axes, define, layer

c, o, l, k = axes("c=c_in o=c_out l=n k=K")


@layer
def causal_conv1d(
    X: Tensor[..., c, l],
    W: Parameter[o, c, k],
    b: Parameter[o],
    *,
    dilation: Integer(1, latex="d") = 1,
):
    """Causal convolution: entry l of the output reads entries l, l - d, l - 2 d, … alone (van den Oord et al., 2016).

    Tap k looks k d places back, so that W[..., ::-1] is the kernel of asymmetric_conv1d with left = d (K - 1).
    """
    return define("Y", (..., o, l), Sum(W[o, c, k] * X[..., c, l - dilation * k], c, k) + b[o])

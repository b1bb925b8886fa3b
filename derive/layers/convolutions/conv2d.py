"""Two-dimensional convolution over channels."""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

c, o, h, w, u, v = axes("c=c_in o=c_out h=n_h w=n_w u=K_h v=K_w")


@layer
def conv2d(
    X: Tensor[..., c, h, w],
    W: Parameter[o, c, u, v],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution of channels in two dimensions, one stride, padding and dilation for both (LeCun et al., 1998)."""
    i = Axis("i", (h.size + 2 * padding - dilation * (u.size - 1) - 1) // stride + 1)
    j = Axis("j", (w.size + 2 * padding - dilation * (v.size - 1) - 1) // stride + 1)
    patch = X[..., c, stride * i + dilation * u - padding, stride * j + dilation * v - padding]
    return define("Y", (..., o, i, j), Sum(W[o, c, u, v] * patch, c, u, v) + b[o])

"""Convolutions that keep channels apart, and what mixes channels at one place alone."""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

c, o, l, k, h, w, u, v = axes("c=c_in o=c_out l=n k=K h=n_h w=n_w u=K_h v=K_w")


@layer
def depthwise_conv1d(
    X: Tensor[..., c, l],
    W: Parameter[c, k],
    b: Parameter[c],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution of each channel with a kernel of its own, in one dimension (Sifre, 2014)."""
    t = Axis("t", (l.size + 2 * padding - dilation * (k.size - 1) - 1) // stride + 1)
    return define("Y", (..., c, t), Sum(W[c, k] * X[..., c, stride * t + dilation * k - padding], k) + b[c])


@layer
def depthwise_conv2d(
    X: Tensor[..., c, h, w],
    W: Parameter[c, u, v],
    b: Parameter[c],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution of each channel with a kernel of its own, in two dimensions (Sifre, 2014)."""
    i = Axis("i", (h.size + 2 * padding - dilation * (u.size - 1) - 1) // stride + 1)
    j = Axis("j", (w.size + 2 * padding - dilation * (v.size - 1) - 1) // stride + 1)
    patch = X[..., c, stride * i + dilation * u - padding, stride * j + dilation * v - padding]
    return define("Y", (..., c, i, j), Sum(W[c, u, v] * patch, u, v) + b[c])


@layer
def pointwise_conv2d(X: Tensor[..., c, h, w], W: Parameter[o, c], b: Parameter[o]):
    """Convolution with a kernel of one tap: a linear map of the channels at each place (Lin, Chen and Yan, 2014)."""
    return define("Y", (..., o, h, w), Sum(W[o, c] * X[..., c, h, w], c) + b[o])

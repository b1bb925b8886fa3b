"""Grouped convolutions: the channels are split into groups, each of which has a convolution of its own.

The axis of groups stands in front of the channels. For X of shape (n, n_g * c_in, ...), X.reshape(n, n_g, c_in, ...) is
a view that costs nothing, and so is the way back for Y.
"""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

g, c, o, l, k = axes("g=n_g c=c_in o=c_out l=n k=K")
f, h, w = axes("f=n_f h=n_h w=n_w")
r, u, v = axes("r=K_f u=K_h v=K_w")


@layer
def grouped_conv1d(
    X: Tensor[..., g, c, l],
    W: Parameter[g, o, c, k],
    b: Parameter[g, o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution in one dimension, group by group (Krizhevsky, Sutskever and Hinton, 2012).

    X.reshape(n, n_g, c_in, n_l) splits the channels of X of shape (n, n_g * c_in, n_l) and is a view.
    """
    t = Axis("t", (l.size + 2 * padding - dilation * (k.size - 1) - 1) // stride + 1)
    patch = X[..., g, c, stride * t + dilation * k - padding]
    return define("Y", (..., g, o, t), Sum(W[g, o, c, k] * patch, c, k) + b[g, o])


@layer
def grouped_conv2d(
    X: Tensor[..., g, c, h, w],
    W: Parameter[g, o, c, u, v],
    b: Parameter[g, o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution in two dimensions, group by group (Krizhevsky, Sutskever and Hinton, 2012).

    X.reshape(n, n_g, c_in, n_h, n_w) splits the channels of X of shape (n, n_g * c_in, n_h, n_w) and is a view.
    """
    i = Axis("i", (h.size + 2 * padding - dilation * (u.size - 1) - 1) // stride + 1)
    j = Axis("j", (w.size + 2 * padding - dilation * (v.size - 1) - 1) // stride + 1)
    patch = X[..., g, c, stride * i + dilation * u - padding, stride * j + dilation * v - padding]
    return define("Y", (..., g, o, i, j), Sum(W[g, o, c, u, v] * patch, c, u, v) + b[g, o])


@layer
def grouped_conv3d(
    X: Tensor[..., g, c, f, h, w],
    W: Parameter[g, o, c, r, u, v],
    b: Parameter[g, o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution over frames, height and width, group by group (Xie et al., 2017; Tran et al., 2019).

    X.reshape(n, n_g, c_in, n_f, n_h, n_w) splits the channels of X of shape (n, n_g * c_in, n_f, n_h, n_w) and is a
    view.
    """
    t = Axis("t", (f.size + 2 * padding - dilation * (r.size - 1) - 1) // stride + 1)
    i = Axis("i", (h.size + 2 * padding - dilation * (u.size - 1) - 1) // stride + 1)
    j = Axis("j", (w.size + 2 * padding - dilation * (v.size - 1) - 1) // stride + 1)
    patch = X[
        ...,
        g,
        c,
        stride * t + dilation * r - padding,
        stride * i + dilation * u - padding,
        stride * j + dilation * v - padding,
    ]
    return define("Y", (..., g, o, t, i, j), Sum(W[g, o, c, r, u, v] * patch, c, r, u, v) + b[g, o])

"""Convolutions with an option of their own for each direction, and a padding for each end of it.

A read outside is 0, so that the padding behind stands in the size of the output alone.
"""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

c, o, l, k = axes("c=c_in o=c_out l=n k=K")
f, h, w = axes("f=n_f h=n_h w=n_w")
r, u, v = axes("r=K_f u=K_h v=K_w")


@layer
def asymmetric_conv1d(
    X: Tensor[..., c, l],
    W: Parameter[o, c, k],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    dilation: Integer(1, latex="d") = 1,
    left: Integer(0, latex="p") = 0,
    right: Integer(0, latex="q") = 0,
):
    """Convolution of channels in one dimension, padded with `left` zeros in front and `right` zeros behind.

    With `left` and `right` equal it is conv1d (Dumoulin and Visin, 2016).
    """
    t = Axis("t", (l.size + left + right - dilation * (k.size - 1) - 1) // stride + 1)
    return define("Y", (..., o, t), Sum(W[o, c, k] * X[..., c, stride * t + dilation * k - left], c, k) + b[o])


@layer
def asymmetric_conv2d(
    X: Tensor[..., c, h, w],
    W: Parameter[o, c, u, v],
    b: Parameter[o],
    *,
    stride_h: Integer(1, latex="s_h") = 1,
    stride_w: Integer(1, latex="s_w") = 1,
    dilation_h: Integer(1, latex="d_h") = 1,
    dilation_w: Integer(1, latex="d_w") = 1,
    top: Integer(0, latex="p_h") = 0,
    bottom: Integer(0, latex="q_h") = 0,
    left: Integer(0, latex="p_w") = 0,
    right: Integer(0, latex="q_w") = 0,
):
    """Convolution of channels in two dimensions, with options for each direction and a padding for each side.

    With all of a kind equal it is conv2d (Dumoulin and Visin, 2016).
    """
    i = Axis("i", (h.size + top + bottom - dilation_h * (u.size - 1) - 1) // stride_h + 1)
    j = Axis("j", (w.size + left + right - dilation_w * (v.size - 1) - 1) // stride_w + 1)
    patch = X[..., c, stride_h * i + dilation_h * u - top, stride_w * j + dilation_w * v - left]
    return define("Y", (..., o, i, j), Sum(W[o, c, u, v] * patch, c, u, v) + b[o])


@layer
def asymmetric_conv3d(
    X: Tensor[..., c, f, h, w],
    W: Parameter[o, c, r, u, v],
    b: Parameter[o],
    *,
    stride_f: Integer(1, latex="s_f") = 1,
    stride_h: Integer(1, latex="s_h") = 1,
    stride_w: Integer(1, latex="s_w") = 1,
    dilation_f: Integer(1, latex="d_f") = 1,
    dilation_h: Integer(1, latex="d_h") = 1,
    dilation_w: Integer(1, latex="d_w") = 1,
    front: Integer(0, latex="p_f") = 0,
    back: Integer(0, latex="q_f") = 0,
    top: Integer(0, latex="p_h") = 0,
    bottom: Integer(0, latex="q_h") = 0,
    left: Integer(0, latex="p_w") = 0,
    right: Integer(0, latex="q_w") = 0,
):
    """Convolution of channels over frames, height and width, with options for each and a padding for each side.

    With all of a kind equal it is conv3d (Dumoulin and Visin, 2016).
    """
    t = Axis("t", (f.size + front + back - dilation_f * (r.size - 1) - 1) // stride_f + 1)
    i = Axis("i", (h.size + top + bottom - dilation_h * (u.size - 1) - 1) // stride_h + 1)
    j = Axis("j", (w.size + left + right - dilation_w * (v.size - 1) - 1) // stride_w + 1)
    patch = X[
        ...,
        c,
        stride_f * t + dilation_f * r - front,
        stride_h * i + dilation_h * u - top,
        stride_w * j + dilation_w * v - left,
    ]
    return define("Y", (..., o, t, i, j), Sum(W[o, c, r, u, v] * patch, c, r, u, v) + b[o])

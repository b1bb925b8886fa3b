"""Transposed convolutions: what a convolution reads, they write.

`output_padding` adds places behind, which no tap reaches unless the stride is larger than the reach of the kernel; it
tells apart the sizes that a convolution of that stride maps to one. Any number is allowed: further places hold b alone.
"""

from sympy import Eq, Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, iverson, layer

c, o, l, k, h, w, u, v = axes("c=c_in o=c_out l=n k=K h=n_h w=n_w u=K_h v=K_w")


@layer
def conv_transpose1d(
    X: Tensor[..., c, l],
    W: Parameter[c, o, k],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
    output_padding: Integer(0, latex="q") = 0,
):
    """Transposed convolution in one dimension: entry l goes to s l + d k - p under tap k (Dumoulin and Visin, 2016).

    It is the transpose of conv1d with the same W, stride, padding and dilation. The output ends `output_padding` places
    later, which only a stride or dilation greater than it makes use of.
    """
    t = Axis("t", stride * (l.size - 1) - 2 * padding + dilation * (k.size - 1) + output_padding + 1)
    lands = iverson(Eq(t, stride * l + dilation * k - padding))
    return define("Y", (..., o, t), Sum(X[..., c, l] * W[c, o, k] * lands, c, l, k) + b[o])


@layer
def conv_transpose2d(
    X: Tensor[..., c, h, w],
    W: Parameter[c, o, u, v],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
    output_padding: Integer(0, latex="q") = 0,
):
    """Transposed convolution in two dimensions (Zeiler et al., 2010; Dumoulin and Visin, 2016).

    It is the transpose of conv2d with the same W, stride, padding and dilation. The output ends `output_padding` places
    later in both directions, which only a stride or dilation greater than it makes use of.
    """
    i = Axis("i", stride * (h.size - 1) - 2 * padding + dilation * (u.size - 1) + output_padding + 1)
    j = Axis("j", stride * (w.size - 1) - 2 * padding + dilation * (v.size - 1) + output_padding + 1)
    down = iverson(Eq(i, stride * h + dilation * u - padding))
    across = iverson(Eq(j, stride * w + dilation * v - padding))
    return define("Y", (..., o, i, j), Sum(X[..., c, h, w] * W[c, o, u, v] * down * across, c, h, w, u, v) + b[o])

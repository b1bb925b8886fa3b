"""Three-dimensional convolution over channels."""

from sympy import Sum

from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer

c, o, f, h, w = axes("c=c_in o=c_out f=n_f h=n_h w=n_w")
r, u, v = axes("r=K_f u=K_h v=K_w")


@layer
def conv3d(
    X: Tensor[..., c, f, h, w],
    W: Parameter[o, c, r, u, v],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Convolution over frames, height and width, one stride, padding and dilation for all (Tran et al., 2015)."""
    t = Axis("t", (f.size + 2 * padding - dilation * (r.size - 1) - 1) // stride + 1)
    i = Axis("i", (h.size + 2 * padding - dilation * (u.size - 1) - 1) // stride + 1)
    j = Axis("j", (w.size + 2 * padding - dilation * (v.size - 1) - 1) // stride + 1)
    patch = X[
        ...,
        c,
        stride * t + dilation * r - padding,
        stride * i + dilation * u - padding,
        stride * j + dilation * v - padding,
    ]
    return define("Y", (..., o, t, i, j), Sum(W[o, c, r, u, v] * patch, c, r, u, v) + b[o])

"""A convolution in two: over space channel by channel, then over channels place by place."""

from derive.language import Integer, Parameter, Tensor, axes, layer
from derive.layers.convolutions.depthwise_conv import depthwise_conv2d, pointwise_conv2d

c, o, h, w, u, v = axes("c=c_in o=c_out h=n_h w=n_w u=K_h v=K_w")


@layer
def depthwise_separable_conv2d(
    X: Tensor[..., c, h, w],
    D: Parameter[c, u, v],
    a: Parameter[c],
    P: Parameter[o, c],
    b: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
    dilation: Integer(1, latex="d") = 1,
):
    """Depthwise convolution with D and a, then pointwise with P and b (Chollet, 2017; Howard et al., 2017)."""
    H = depthwise_conv2d(X, D, a, stride=stride, padding=padding, dilation=dilation, name="H")
    return pointwise_conv2d(H, P, b, name="Y")

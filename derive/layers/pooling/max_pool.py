"""The largest entry of each window. Padding never wins, and of several largest entries the first counts."""

from derive.language import Axis, Integer, Max, Tensor, axes, define, given, layer

l, h, w = axes("l=n h=H w=W")


@layer
def max_pool1d(
    X: Tensor[..., l],
    *,
    window: Integer(1, latex="k") = 2,
    stride: Integer(1, latex="s") = 2,
    padding: Integer(0, latex="p") = 0,
):
    """Max pooling in one dimension (Zhou and Chellappa, 1988)."""
    given(padding < window)
    u = Axis("u", window)
    t = Axis("t", (l.size + 2 * padding - window) // stride + 1)
    return define("Y", (..., t), Max(X[..., stride * t + u - padding], u))


@layer
def max_pool2d(
    X: Tensor[..., h, w],
    *,
    window: Integer(1, latex="k") = 2,
    stride: Integer(1, latex="s") = 2,
    padding: Integer(0, latex="p") = 0,
):
    """Max pooling over square windows (Zhou and Chellappa, 1988)."""
    given(padding < window)
    u, v = Axis("u", window), Axis("v", window)
    y = Axis("y", (h.size + 2 * padding - window) // stride + 1)
    x = Axis("x", (w.size + 2 * padding - window) // stride + 1)
    return define("Y", (..., y, x), Max(X[..., stride * y + u - padding, stride * x + v - padding], u, v))

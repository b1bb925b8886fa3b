"""Average pooling: the mean of each window, or of everything. Padding counts as zeros, in the mean too."""

from sympy import Sum

from derive.language import Axis, Integer, Tensor, axes, define, layer

l, h, w = axes("l=n h=n_h w=n_w")


@layer
def avg_pool1d(
    X: Tensor[..., l],
    *,
    window: Integer(1, latex="K") = 2,
    stride: Integer(1, latex="s") = 2,
    padding: Integer(0, latex="p") = 0,
):
    """Mean of each window of entries in a row; zeros of the padding count (LeCun et al., 1989)."""
    k = Axis("k", window)
    t = Axis("t", (l.size + 2 * padding - window) // stride + 1)
    return define("Y", (..., t), Sum(X[..., stride * t + k - padding], k) / window)


@layer
def avg_pool2d(
    X: Tensor[..., h, w],
    *,
    window: Integer(1, latex="K") = 2,
    stride: Integer(1, latex="s") = 2,
    padding: Integer(0, latex="p") = 0,
):
    """Mean of each square window; zeros of the padding count (LeCun et al., 1989)."""
    u, v = Axis("u", window), Axis("v", window)
    i = Axis("i", (h.size + 2 * padding - window) // stride + 1)
    j = Axis("j", (w.size + 2 * padding - window) // stride + 1)
    patch = X[..., stride * i + u - padding, stride * j + v - padding]
    return define("Y", (..., i, j), Sum(patch, u, v) / window**2)


@layer
def global_avg_pool(X: Tensor[..., h, w]):
    """Mean over height and width: one number for each channel (Lin, Chen and Yan, 2014)."""
    return define("Y", (...,), Sum(X[..., h, w], h, w) / (h.size * w.size))

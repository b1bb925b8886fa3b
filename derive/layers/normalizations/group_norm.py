"""Group normalization, over groups of channels, and instance normalization, over one channel."""

from sympy import Sum, sqrt

from derive.language import Parameter, Real, Tensor, axes, define, layer

g, c, h, w = axes("g=groups c=C h=H w=W")


@layer
def group_norm(
    X: Tensor[..., g, c, h, w], gamma: Parameter[g, c], beta: Parameter[g, c], *, eps: Real(latex=r"\epsilon") = 1e-5
):
    """Group normalization over the channels of a group and all places, channel (g, c) (Wu and He, 2018)."""
    count = c.size * h.size * w.size
    mu = define("mu", (..., g), Sum(X[..., g, c, h, w], c, h, w) / count)
    var = define("var", (..., g), Sum((X[..., g, c, h, w] - mu[..., g]) ** 2, c, h, w) / count, latex=r"\sigma^{2}")
    r = define("r", (..., g), 1 / sqrt(var[..., g] + eps))
    xhat = define("xhat", (..., g, c, h, w), (X[..., g, c, h, w] - mu[..., g]) * r[..., g], latex=r"\hat{X}")
    return define("Y", (..., g, c, h, w), gamma[g, c] * xhat[..., g, c, h, w] + beta[g, c])


@layer
def instance_norm(
    X: Tensor[..., c, h, w], gamma: Parameter[c], beta: Parameter[c], *, eps: Real(latex=r"\epsilon") = 1e-5
):
    """Instance normalization of each channel over its places (Ulyanov, Vedaldi and Lempitsky, 2016)."""
    count = h.size * w.size
    mu = define("mu", (..., c), Sum(X[..., c, h, w], h, w) / count)
    var = define("var", (..., c), Sum((X[..., c, h, w] - mu[..., c]) ** 2, h, w) / count, latex=r"\sigma^{2}")
    r = define("r", (..., c), 1 / sqrt(var[..., c] + eps))
    xhat = define("xhat", (..., c, h, w), (X[..., c, h, w] - mu[..., c]) * r[..., c], latex=r"\hat{X}")
    return define("Y", (..., c, h, w), gamma[c] * xhat[..., c, h, w] + beta[c])

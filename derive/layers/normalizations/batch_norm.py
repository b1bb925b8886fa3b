"""Batch normalization, as in training: by the statistics of the batch at hand."""

from sympy import Sum, sqrt

from derive.language import Parameter, Real, Tensor, axes, define, layer, leading

j, n, c, h, w = axes("j=d n=N c=C h=H w=W")


@layer
def batch_norm(X: Tensor[..., j], gamma: Parameter[j], beta: Parameter[j], *, eps: Real(latex=r"\epsilon") = 1e-5):
    """Batch normalization of each feature over all leading axes, then scaled and shifted (Ioffe and Szegedy, 2015)."""
    mu = define("mu", (j,), Sum(X[..., j], leading) / leading.size)
    var = define("var", (j,), Sum((X[..., j] - mu[j]) ** 2, leading) / leading.size, latex=r"\sigma^{2}")
    r = define("r", (j,), 1 / sqrt(var[j] + eps))
    xhat = define("xhat", (..., j), (X[..., j] - mu[j]) * r[j], latex=r"\hat{X}")
    return define("Y", (..., j), gamma[j] * xhat[..., j] + beta[j])


@layer
def batch_norm2d(
    X: Tensor[n, c, h, w], gamma: Parameter[c], beta: Parameter[c], *, eps: Real(latex=r"\epsilon") = 1e-5
):
    """Batch normalization of each channel over the batch and all places (Ioffe and Szegedy, 2015)."""
    count = n.size * h.size * w.size
    mu = define("mu", (c,), Sum(X[n, c, h, w], n, h, w) / count)
    var = define("var", (c,), Sum((X[n, c, h, w] - mu[c]) ** 2, n, h, w) / count, latex=r"\sigma^{2}")
    r = define("r", (c,), 1 / sqrt(var[c] + eps))
    xhat = define("xhat", (n, c, h, w), (X[n, c, h, w] - mu[c]) * r[c], latex=r"\hat{X}")
    return define("Y", (n, c, h, w), gamma[c] * xhat[n, c, h, w] + beta[c])

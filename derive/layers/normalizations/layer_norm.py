"""Layer normalization, and what is left of it without the mean."""

from sympy import Sum, sqrt

from derive.language import Parameter, Real, Tensor, axes, define, layer

(j,) = axes("j=d")


@layer
def layer_norm(X: Tensor[..., j], gamma: Parameter[j], beta: Parameter[j], *, eps: Real(latex=r"\epsilon") = 1e-5):
    """Layer normalization: each row to mean 0 and variance 1, then scaled and shifted (Ba, Kiros and Hinton, 2016)."""
    mu = define("mu", (...,), Sum(X[..., j], j) / j.size)
    var = define("var", (...,), Sum((X[..., j] - mu[...]) ** 2, j) / j.size, latex=r"\sigma^{2}")
    r = define("r", (...,), 1 / sqrt(var[...] + eps))
    xhat = define("xhat", (..., j), (X[..., j] - mu[...]) * r[...], latex=r"\hat{X}")
    return define("Y", (..., j), gamma[j] * xhat[..., j] + beta[j])


@layer
def rms_norm(X: Tensor[..., j], gamma: Parameter[j], *, eps: Real(latex=r"\epsilon") = 1e-6):
    """Root mean square normalization of each row, then scaled (Zhang and Sennrich, 2019)."""
    r = define("r", (...,), 1 / sqrt(Sum(X[..., j] ** 2, j) / j.size + eps))
    xhat = define("xhat", (..., j), X[..., j] * r[...], latex=r"\hat{X}")
    return define("Y", (..., j), gamma[j] * xhat[..., j])

"""Least squares with a penalty on the weights."""

from sympy import Sum

from derive.language import Parameter, Real, Tensor, axes, define, layer

b, i = axes("b=n i=d_in")


@layer
def ridge(X: Tensor[b, i], w: Parameter[i], y: Tensor[b], *, penalty: Real(latex=r"\lambda") = 0.1):
    """Ridge regression L = ‖X w - y‖² + λ ‖w‖² (Hoerl and Kennard, 1970)."""
    residual = Sum(X[b, i] * w[i], i) - y[b]
    return define("L", (), Sum(residual**2, b) + penalty * Sum(w[i] ** 2, i))

"""The sum of squared residuals of a linear model."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer

b, i, o = axes("b=n i=d_in o=d_out")


@layer
def least_squares(X: Tensor[b, i], W: Parameter[i, o], Y: Tensor[b, o]):
    """Least squares L = ‖XW - Y‖², the squared Frobenius norm (Boyd and Vandenberghe, 2004, §1.2)."""
    return define("L", (), Sum((Sum(X[b, i] * W[i, o], i) - Y[b, o]) ** 2, b, o))

"""Mean absolute error."""

from sympy import Abs, Sum

from derive.language import Tensor, define, layer, leading


@layer
def mean_absolute_error(Y: Tensor[...], T: Tensor[...]):
    """Mean absolute error L = Σ |Y - T| / N over all N entries (Hastie, Tibshirani and Friedman, 2009, §10.6)."""
    R = define("R", (...,), Y[...] - T[...])
    return define("L", (), Sum(Abs(R[...]), leading) / leading.size)

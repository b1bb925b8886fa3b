"""Mean squared error."""

from sympy import Sum

from derive.language import Tensor, define, layer, leading


@layer
def mse(Y: Tensor[...], T: Tensor[...]):
    """Mean squared error L = ‖Y - T‖² / N over all N entries (Bishop, Pattern Recognition, 2006, §1.1)."""
    return define("L", (), Sum((Y[...] - T[...]) ** 2, leading) / leading.size)

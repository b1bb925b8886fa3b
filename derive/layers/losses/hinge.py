"""The hinge loss of a margin classifier."""

from sympy import Max, Sum

from derive.language import Tensor, define, layer, leading


@layer
def hinge(Y: Tensor[...], T: Tensor[...]):
    """Hinge loss L = Σ max(1 - T Y, 0) / N of scores Y, with labels T of ±1 (Cortes and Vapnik, 1995)."""
    return define("L", (), Sum(Max(1 - T[...] * Y[...], 0), leading) / leading.size)

"""The logistic loss of a margin classifier."""

from sympy import Sum

from derive.language import Tensor, define, layer, leading, softplus


@layer
def logistic_loss(Z: Tensor[...], T: Tensor[...]):
    """Logistic loss L = Σ log(1 + exp(-T Z)) / N of logits Z, with labels T of ±1 (Murphy, 2012, §8.3.1)."""
    return define("L", (), Sum(softplus(-T[...] * Z[...]), leading) / leading.size)

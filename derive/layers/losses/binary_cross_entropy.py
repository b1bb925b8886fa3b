"""Cross-entropy of two classes."""

from sympy import Sum

from derive.language import Tensor, define, layer, leading, softplus


@layer
def binary_cross_entropy(Z: Tensor[...], T: Tensor[...]):
    """Binary cross-entropy of labels T between 0 and 1 from logits Z, the mean over N entries (Bishop, 2006, §4.3.2).

    -T log σ(Z) - (1 - T) log(1 - σ(Z)) = log(1 + exp(Z)) - T Z
    """
    return define("L", (), Sum(softplus(Z[...]) - T[...] * Z[...], leading) / leading.size)

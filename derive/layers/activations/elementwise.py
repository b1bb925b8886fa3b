"""Activations: scalar functions applied entry by entry."""

from sympy import Max
from sympy import tanh as hyperbolic_tangent

from derive.language import Tensor, define, layer
from derive.language import sigmoid as logistic


@layer
def relu(X: Tensor[...]):
    """Rectified linear unit Y = max(X, 0) (Nair and Hinton, 2010)."""
    return define("Y", (...,), Max(X[...], 0))


@layer
def tanh(X: Tensor[...]):
    """Hyperbolic tangent Y = tanh(X)."""
    return define("Y", (...,), hyperbolic_tangent(X[...]))


@layer
def sigmoid(X: Tensor[...]):
    """Logistic function Y = 1 / (1 + exp(-X))."""
    return define("Y", (...,), logistic(X[...]))

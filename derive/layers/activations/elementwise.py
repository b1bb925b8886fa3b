"""Activations: scalar functions applied entry by entry."""

from sympy import And, Max, erf, exp, pi, sqrt
from sympy import tanh as hyperbolic_tangent

from derive.language import Real, Tensor, define, iverson, layer, where
from derive.language import sigmoid as logistic
from derive.language import softplus as smooth_ramp


@layer
def relu(X: Tensor[...]):
    """Rectified linear unit Y = max(X, 0) (Nair and Hinton, 2010)."""
    return define("Y", (...,), Max(X[...], 0))


@layer
def leaky_relu(X: Tensor[...], *, slope: Real(latex="a") = 0.01):
    """Leaky rectified linear unit: X where X > 0, else slope X (Maas, Hannun and Ng, 2013)."""
    return define("Y", (...,), where(X[...] > 0, X[...], slope * X[...]))


@layer
def elu(X: Tensor[...], *, alpha: Real() = 1.0):
    """Exponential linear unit: X where X > 0, else alpha (exp(X) - 1) (Clevert, Unterthiner and Hochreiter, 2016)."""
    return define("Y", (...,), where(X[...] > 0, X[...], alpha * (exp(X[...]) - 1)))


@layer
def gelu(X: Tensor[...]):
    """Gaussian error linear unit Y = X Φ(X), Φ the normal distribution function (Hendrycks and Gimpel, 2016)."""
    Phi = define("Phi", (...,), (1 + erf(X[...] / sqrt(2))) / 2)
    return define("Y", (...,), X[...] * Phi[...])


@layer
def gelu_tanh(X: Tensor[...]):
    """GELU by its approximation with a hyperbolic tangent (Hendrycks and Gimpel, 2016)."""
    T = define("T", (...,), hyperbolic_tangent(sqrt(2 / pi) * (X[...] + 0.044715 * X[...] ** 3)))
    return define("Y", (...,), X[...] * (1 + T[...]) / 2)


@layer
def silu(X: Tensor[...]):
    """Sigmoid linear unit Y = X sigmoid(X), also called swish (Elfwing, Uchibe and Doya, 2018)."""
    S = define("S", (...,), logistic(X[...]))
    return define("Y", (...,), X[...] * S[...])


@layer
def softplus(X: Tensor[...]):
    """Softplus Y = log(1 + exp(X)) (Dugas et al., 2001)."""
    return define("Y", (...,), smooth_ramp(X[...]))


@layer
def mish(X: Tensor[...]):
    """Mish Y = X tanh(softplus(X)) (Misra, 2020)."""
    T = define("T", (...,), hyperbolic_tangent(smooth_ramp(X[...])))
    return define("Y", (...,), X[...] * T[...])


@layer
def tanh(X: Tensor[...]):
    """Hyperbolic tangent Y = tanh(X)."""
    return define("Y", (...,), hyperbolic_tangent(X[...]))


@layer
def hard_tanh(X: Tensor[...]):
    """Hyperbolic tangent by three straight lines: X between -1 and 1, and -1 or 1 beyond (Collobert, 2004)."""
    between = iverson(And(X[...] > -1, X[...] < 1))
    return define("Y", (...,), X[...] * between + iverson(X[...] >= 1) - iverson(X[...] <= -1))


@layer
def sigmoid(X: Tensor[...]):
    """Logistic function Y = 1 / (1 + exp(-X))."""
    return define("Y", (...,), logistic(X[...]))

"""Layers whose second derivatives are in every textbook."""

from sympy import Abs, Sum, exp, log

from derive.language import Parameter, Tensor, axes, define, layer, sigmoid, softplus

i, j, b, o, a = axes("i=n j=n b=m o=m a=k")


@layer
def log_sum_exp(x: Tensor[i]):
    """The logarithm of a sum of exponentials."""
    define("p", (i,), exp(x[i]) / Sum(exp(x[j]), j))
    return define("L", (), log(Sum(exp(x[i]), i)))


@layer
def softmax_vector(s: Tensor[i]):
    """Softmax of one vector."""
    return define("p", (i,), exp(s[i]) / Sum(exp(s[j]), j))


@layer
def logistic_regression(X: Tensor[b, i], y: Tensor[b], w: Parameter[i]):
    """Logistic regression with labels 0 and 1."""
    z = define("z", (b,), Sum(X[b, i] * w[i], i))
    define("s", (b,), sigmoid(z[b]))
    return define("L", (), Sum(softplus(z[b]) - y[b] * z[b], b))


@layer
def half_squares(X: Tensor[b, i], y: Tensor[b], w: Parameter[i]):
    """Half the sum of squares."""
    return define("L", (), Sum((Sum(X[b, i] * w[i], i) - y[b]) ** 2, b) / 2)


@layer
def quadratic_form(x: Tensor[i], A: Tensor[i, j]):
    """xᵀ A x."""
    return define("L", (), Sum(x[i] * A[i, j] * x[j], i, j))


@layer
def factorization(R: Tensor[i, o], U: Parameter[i, a], V: Parameter[o, a]):
    """A matrix as the product of two small ones."""
    return define("L", (), Sum((R[i, o] - Sum(U[i, a] * V[o, a], a)) ** 2, i, o))


@layer
def sum_of_cubes(x: Tensor[i]):
    """A sum of cubes."""
    return define("L", (), Sum(x[i] ** 3, i))


@layer
def cubes_of_absolute_values(x: Tensor[i]):
    """A sum of cubes of absolute values."""
    return define("L", (), Sum(Abs(x[i]) ** 3, i))


LAYERS = {
    layer.name: layer
    for layer in (log_sum_exp, softmax_vector, logistic_regression, half_squares, quadratic_form, factorization)
}

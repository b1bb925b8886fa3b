"""Layers whose second derivatives are in every textbook."""

from sympy import Abs, Sum, exp, log, sin

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


@layer
def scaled_exponentials(x: Tensor[i], c: Parameter[()]):
    """A parameter that is one number."""
    return define("L", (), Sum(exp(c * x[i]), i))


@layer
def two_outputs(x: Tensor[i], A: Parameter[i, j]):
    """Two outputs, each with a cotangent."""
    y = define("y", (i,), Sum(A[i, j] * sin(x[j]), j))
    z = define("z", (i,), x[i] ** 2 * y[i])
    return y, z


@layer
def clashing_letters(u: Tensor[i], v: Tensor[i], d: Tensor[i]):
    """Names that second derivatives have uses for."""
    return define("H", (), Sum(u[i] * v[i] * exp(d[i]), i) ** 2)


LAYERS = {
    layer.name: layer
    for layer in (
        log_sum_exp,
        softmax_vector,
        logistic_regression,
        half_squares,
        quadratic_form,
        factorization,
        scaled_exponentials,
        two_outputs,
        clashing_letters,
    )
}

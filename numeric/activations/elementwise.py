"""Elementwise activations. Of the derivatives, those that can are written in the output Y, so that Y is all they keep:

relu        Y = max(X, 0)                          Y' = [Y > 0], and 0 at the kink X = 0
leaky_relu  Y = X where X > 0, else a X            Y' = 1 where X > 0, else a
elu         Y = X where X > 0, else α (exp(X) - 1) Y' = 1 where X > 0, else Y + α
gelu        Y = X Φ(X)                             Y' = Φ(X) + X φ(X)
gelu_tanh   Y = X (1 + T) / 2, T = tanh(u(X))      Y' = (1 + T + X (1 - T²) u') / 2
silu        Y = X S, S = sigmoid(X)                Y' = S + Y (1 - S)
softplus    Y = log(1 + exp(X))                    Y' = sigmoid(X)
mish        Y = X T, T = tanh(softplus(X))         Y' = T + X (1 - T²) sigmoid(X)
tanh        Y = tanh(X)                            Y' = 1 - Y²
hard_tanh   Y = X, no less than -1, no more than 1 Y' = [-1 < X < 1]
sigmoid     Y = 1 / (1 + exp(-X))                  Y' = Y (1 - Y)

Φ and φ are the distribution function and the density of the standard normal distribution; u(x) = √(2/π) (x + c x³).
"""

from __future__ import annotations

import math

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, portions, row_blocks

# x + 0.044715 x³, times √(2/π), is close to what makes a tanh of the normal distribution function.
CUBIC = 0.044715
ROOT = math.sqrt(2 / math.pi)


def relu(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return relu_fwd(X)[0]


def relu_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("relu", "X[...]", X)
    Y = np.maximum(X, 0)
    return Y, (Y,)


def relu_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    (Y,) = residuals
    dY = cotangent("relu_bwd", "dY[...]", dY, Y.shape, Y.dtype)
    return where_else_zero(Y > 0, dY)


def leaky_relu(X: Array, *, slope: float = 0.01) -> Array:
    """X[...] -> Y[...]"""
    return leaky_relu_fwd(X, slope=slope)[0]


def leaky_relu_fwd(X: Array, *, slope: float = 0.01) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("leaky_relu", "X[...]", X)
    Y = np.empty(X.shape, X.dtype)
    for x, y in portions(X.ndim, X, Y):
        # One of both is 0.
        np.minimum(x, 0, out=y)
        y *= slope
        y += np.maximum(x, 0)
    return Y, (X, slope)


def leaky_relu_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    X, slope = residuals
    dY = cotangent("leaky_relu_bwd", "dY[...]", dY, X.shape, X.dtype)
    dX = np.empty(X.shape, dY.dtype)
    for x, g, dx in portions(X.ndim, X, dY, dX):
        positive = x > 0
        dx[...] = ~positive
        dx *= slope
        dx += positive
        dx *= g
    return dX


def elu(X: Array, *, alpha: float = 1.0) -> Array:
    """X[...] -> Y[...]"""
    return elu_fwd(X, alpha=alpha)[0]


def elu_fwd(X: Array, *, alpha: float = 1.0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("elu", "X[...]", X)
    Y = np.empty(X.shape, X.dtype)
    for x, y in portions(X.ndim, X, Y):
        # One of both is 0.
        np.expm1(np.minimum(x, 0), out=y)
        y *= alpha
        y += np.maximum(x, 0)
    return Y, (X, Y, alpha)


def elu_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    X, Y, alpha = residuals
    dY = cotangent("elu_bwd", "dY[...]", dY, X.shape, X.dtype)
    dX = np.empty(X.shape, dY.dtype)
    for x, y, g, dx in portions(X.ndim, X, Y, dY, dX):
        positive = x > 0
        slope = where_else_zero(~positive, y + alpha)
        slope += positive
        np.multiply(g, slope, out=dx)
    return dX


def gelu(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return gelu_fwd(X)[0]


def gelu_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("gelu", "X[...]", X)
    Phi = normal_distribution(X)
    Y = X * Phi
    return Y, (X, Phi)


def gelu_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    X, Phi = residuals
    dY = cotangent("gelu_bwd", "dY[...]", dY, X.shape, X.dtype)
    dX = np.empty(X.shape, dY.dtype)
    for x, phi, g, dx in portions(X.ndim, X, Phi, dY, dX):
        np.multiply(g, gelu_slope(x, phi), out=dx)
    return dX


def gelu_slope(X: Array, Phi: Array) -> Array:
    """Y'"""
    # In an array of its own, even where X is a single number.
    slope = np.square(X, out=np.empty_like(X))
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= X
    slope /= math.sqrt(2 * math.pi)
    slope += Phi
    return slope


def gelu_tanh(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return gelu_tanh_fwd(X)[0]


def gelu_tanh_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("gelu_tanh", "X[...]", X)
    Y, T = np.empty(X.shape, X.dtype), np.empty(X.shape, X.dtype)
    for x, y, t in portions(X.ndim, X, Y, T):
        np.square(x, out=t)
        t *= CUBIC * ROOT
        t += ROOT
        t *= x
        np.tanh(t, out=t)
        np.add(t, 1, out=y)
        y *= 0.5 * x
    return Y, (X, T)


def gelu_tanh_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    X, T = residuals
    dY = cotangent("gelu_tanh_bwd", "dY[...]", dY, X.shape, X.dtype)
    dX = np.empty(X.shape, dY.dtype)
    for x, t, g, dx in portions(X.ndim, X, T, dY, dX):
        # (1 + t) (1 + x (1 - t) u') / 2
        np.square(x, out=dx)
        dx *= 3 * CUBIC * ROOT
        dx += ROOT
        dx *= x
        dx *= 1 - t
        dx += 1
        dx *= 0.5 * g
        dx *= 1 + t
    return dX


def silu(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return silu_fwd(X)[0]


def silu_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("silu", "X[...]", X)
    S = logistic(X)
    Y = X * S
    return Y, (S, Y)


def silu_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    S, Y = residuals
    dY = cotangent("silu_bwd", "dY[...]", dY, S.shape, S.dtype)
    dX = np.empty(S.shape, dY.dtype)
    for s, y, g, dx in portions(S.ndim, S, Y, dY, dX):
        np.multiply(g, silu_slope(s, y), out=dx)
    return dX


def silu_slope(S: Array, Y: Array) -> Array:
    """Y'"""
    slope = 1 - S
    slope *= Y
    slope += S
    return slope


def softplus(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return softplus_fwd(X)[0]


def softplus_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("softplus", "X[...]", X)
    Y = smooth_ramp(X)
    return Y, (X,)


def softplus_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    (X,) = residuals
    dY = cotangent("softplus_bwd", "dY[...]", dY, X.shape, X.dtype)
    return dY * logistic(X)


def mish(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return mish_fwd(X)[0]


def mish_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("mish", "X[...]", X)
    T = np.tanh(smooth_ramp(X))
    Y = X * T
    return Y, (X, T)


def mish_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    X, T = residuals
    dY = cotangent("mish_bwd", "dY[...]", dY, X.shape, X.dtype)
    dX = np.empty(X.shape, dY.dtype)
    for x, t, g, dx in portions(X.ndim, X, T, dY, dX):
        np.square(t, out=dx)
        np.subtract(1, dx, out=dx)
        dx *= x
        dx *= logistic(x)
        dx += t
        dx *= g
    return dX


def tanh(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return tanh_fwd(X)[0]


def tanh_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("tanh", "X[...]", X)
    Y = np.tanh(X)
    return Y, (Y,)


def tanh_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    (Y,) = residuals
    dY = cotangent("tanh_bwd", "dY[...]", dY, Y.shape, Y.dtype)
    return dY * (1 - Y**2)


def hard_tanh(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return hard_tanh_fwd(X)[0]


def hard_tanh_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("hard_tanh", "X[...]", X)
    Y = np.clip(X, -1, 1)
    return Y, (X,)


def hard_tanh_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    (X,) = residuals
    dY = cotangent("hard_tanh_bwd", "dY[...]", dY, X.shape, X.dtype)
    return where_else_zero((X > -1) & (X < 1), dY)


def sigmoid(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return sigmoid_fwd(X)[0]


def sigmoid_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("sigmoid", "X[...]", X)
    Y = logistic(X)
    return Y, (Y,)


def sigmoid_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    (Y,) = residuals
    dY = cotangent("sigmoid_bwd", "dY[...]", dY, Y.shape, Y.dtype)
    dX = np.empty(Y.shape, dY.dtype)
    for y, g, dx in portions(Y.ndim, Y, dY, dX):
        np.multiply(g, sigmoid_slope(y), out=dx)
    return dX


def sigmoid_slope(Y: Array) -> Array:
    """Y'"""
    slope = 1 - Y
    slope *= Y
    return slope


def logistic(X: Array) -> Array:
    """1 / (1 + exp(-x)), entry by entry."""
    S = np.negative(X, out=np.empty(X.shape, X.dtype))
    # exp overflows to inf for X far below 0, and 1 / (1 + inf) is the 0 that is wanted there.
    with np.errstate(over="ignore"):
        np.exp(S, out=S)
    S += 1
    return np.divide(1, S, out=S)


def smooth_ramp(X: Array) -> Array:
    """log(1 + exp(x)), entry by entry: np.logaddexp(0, x), in a fraction of its time."""
    return np.maximum(X, 0) + np.log1p(np.exp(-np.abs(X)))


def where_else_zero(condition: Array, values: Array) -> Array:
    """np.where(condition, values, 0) in a sixth of its time: that branches at each entry, with no pattern to predict.

    A product with the condition would turn an infinite value into NaN; instead all bits are kept, or none.
    """
    if values.dtype.itemsize > 8:
        return np.where(condition, values, 0)
    bits = values.view(f"i{values.dtype.itemsize}")
    # True is the byte 1, and minus that is -1, of which all bits are set in any width.
    return (bits & -condition.view(np.int8)).view(values.dtype)


# erf(x) = x p(x²) / q(x²) near 0, and 1 - exp(-x²) p(x) / q(x) elsewhere, highest powers first (W. J. Cody, Rational
# Chebyshev approximations for the error function, 1969).
NEAR = 0.46875
NEAR_ABOVE = (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947)
NEAR_BELOW = (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062)
FAR_ABOVE = (
    2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295, 298.635138197400131,
    881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725,
)  # fmt: skip
FAR_BELOW = (
    1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019,
    3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942,
)  # fmt: skip


def normal_distribution(X: Array) -> Array:
    """Φ(x) = (1 + erf(x/√2)) / 2, entry by entry; a few at a time, since there are some forty passes over them."""
    Phi = np.empty(X.size, X.dtype)
    entries = X.reshape(-1)
    for part in row_blocks(entries[:, None], 2**13):
        x = entries[part] * math.sqrt(0.5)
        # Above 7, exp(-x²) is 0 beside 1, and powers could overflow.
        a = np.minimum(np.abs(x), 7)
        tail = np.exp(-a * a)
        tail *= _polynomial(a, FAR_ABOVE)
        tail /= _polynomial(a, FAR_BELOW)
        phi = np.multiply(np.copysign(1 - tail, x), 0.5, out=Phi[part])
        near = np.flatnonzero(a < NEAR)
        y = x[near]
        phi[near] = 0.5 * y * _polynomial(y * y, NEAR_ABOVE) / _polynomial(y * y, NEAR_BELOW)
        phi += 0.5
    return Phi.reshape(X.shape)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Horner's rule, in one array."""
    value = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        value += coefficient
        value *= x
    value += coefficients[-1]
    return value

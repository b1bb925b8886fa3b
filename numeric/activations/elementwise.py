"""Elementwise activations; each derivative is written in the output Y, so that Y is all they keep:

relu     Y = max(X, 0)            Y' = [Y > 0], and 0 at the kink X = 0
tanh     Y = tanh(X)              Y' = 1 - Y²
sigmoid  Y = 1 / (1 + exp(-X))    Y' = Y (1 - Y)
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


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
    # A product with the mask would turn an infinite cotangent of a dead unit into NaN.
    return np.where(Y > 0, dY, 0)


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


def sigmoid(X: Array) -> Array:
    """X[...] -> Y[...]"""
    return sigmoid_fwd(X)[0]


def sigmoid_fwd(X: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("sigmoid", "X[...]", X)
    # exp overflows to inf for X far below 0, and 1 / (1 + inf) is the 0 that is wanted there.
    with np.errstate(over="ignore"):
        Y = 1 / (1 + np.exp(-X))
    return Y, (Y,)


def sigmoid_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[...] -> dX[...]"""
    (Y,) = residuals
    dY = cotangent("sigmoid_bwd", "dY[...]", dY, Y.shape, Y.dtype)
    return dY * Y * (1 - Y)

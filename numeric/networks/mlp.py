"""Multilayer perceptron with one hidden layer: Y = relu(X W1 + 1 b1ᵀ) W2 + 1 b2ᵀ.

Composed of its layers; the backward is theirs in reverse (Rumelhart, Hinton & Williams, 1986).
"""

from __future__ import annotations

from ..activations.elementwise import relu_bwd, relu_fwd
from ..linear_maps.linear import linear_bwd, linear_fwd
from ..shapes import Array, Residuals, admit, cotangent


def mlp(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Array:
    """X[..., i], W1[i, h], b1[h], W2[h, o], b2[o] -> Y[..., o]"""
    return mlp_fwd(X, W1, b1, W2, b2)[0]


def mlp_fwd(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "X[...,i] W1[i,h] b1[h] W2[h,o] b2[o]"
    X, W1, b1, W2, b2 = admit("mlp", signature, X, W1, b1, W2, b2)
    A, first = linear_fwd(X, W1, b1)
    H, activation = relu_fwd(A)
    Y, second = linear_fwd(H, W2, b2)
    return Y, (first, activation, second)


def mlp_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array, Array, Array]:
    """dY[..., o] -> dX[..., i], dW1[i, h], db1[h], dW2[h, o], db2[o]"""
    first, activation, second = residuals
    H, W2 = second
    dY = cotangent("mlp_bwd", "dY[...,o]", dY, H.shape[:-1] + W2.shape[1:], H.dtype)
    dH, dW2, db2 = linear_bwd(second, dY)
    dA = relu_bwd(activation, dH)
    dX, dW1, db1 = linear_bwd(first, dA)
    return dX, dW1, db1, dW2, db2

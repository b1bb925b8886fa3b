"""Linear layer on a batch: Y = X W + 1 bᵀ, with any number of leading axes.

With the cotangent G = ∂L/∂Y:   dX = G Wᵀ,   dW = Xᵀ G,   db = Gᵀ 1
(Goodfellow, Bengio & Courville, Deep Learning, section 6.5).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent

SIGNATURE = "X[...,i] W[i,o] b[o]"


def linear(X: Array, W: Array, b: Array) -> Array:
    """X[..., i], W[i, o], b[o] -> Y[..., o]"""
    return linear_fwd(X, W, b)[0]


def linear_fwd(X: Array, W: Array, b: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, b = admit("linear", SIGNATURE, X, W, b)
    Y = as_rows(X) @ W
    Y += b
    return Y.reshape(X.shape[:-1] + b.shape), (X, W)


def linear_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., o] -> dX[..., i], dW[i, o], db[o]"""
    X, W = residuals
    dY = cotangent("linear_bwd", "dY[...,o]", dY, X.shape[:-1] + W.shape[1:], X.dtype)
    G = as_rows(dY)
    return (G @ W.T).reshape(X.shape), as_rows(X).T @ G, G.sum(axis=0)


def as_rows(X: Array) -> Array:
    """X[..., i] -> X[b, i]: one GEMM instead of one for each leading index."""
    # The product is spelled out because reshape(-1, 0) has no answer.
    return X.reshape(math.prod(X.shape[:-1]), X.shape[-1])


class LinearLayer:
    """A linear layer that holds its parameters: forward(x) = x @ weights + bias.

    weights[input_size, output_size] are drawn with standard deviation 1/√input_size, which keeps
    the variance of the signal (LeCun et al., Efficient BackProp, 1998); bias[output_size] starts at
    0. `rng` is a numpy Generator or a seed; without it, every layer is drawn anew.

    >>> layer = LinearLayer(3, 2, rng=0)
    >>> layer.forward([[1.0, 2.0, 3.0]]).shape
    (1, 2)
    """

    def __init__(self, input_size: int, output_size: int, rng: np.random.Generator | int | None = None) -> None:
        for name, size in (("input_size", input_size), ("output_size", output_size)):
            if size < 1:
                raise ValueError(f"LinearLayer: {name}: expected at least 1, given {size}.")
        scale = 1 / math.sqrt(input_size)
        self.weights = np.random.default_rng(rng).normal(0, scale, (input_size, output_size))
        self.bias = np.zeros(output_size)

    def forward(self, x: Any) -> Array:
        """x[..., input_size] -> y[..., output_size]"""
        return linear(x, self.weights, self.bias)

    def backward(self, grad_output: Any, x: Any) -> tuple[Array, Array, Array]:
        """grad_output (like forward's y), x -> grad_input, grad_weights, grad_bias"""
        x, weights, _ = admit("LinearLayer.backward", SIGNATURE, x, self.weights, self.bias)
        return linear_bwd((x, weights), grad_output)

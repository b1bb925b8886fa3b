"""Sum of squared residuals of a linear model: L = ‖X W - Y‖² = Σ (X W - Y)².

With R = X W - Y and the cotangent dL:   dX = 2 dL R Wᵀ,   dW = 2 dL Xᵀ R,   dY = -2 dL R
(Petersen & Pedersen, The Matrix Cookbook, section 2.5).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def least_squares(X: Array, W: Array, Y: Array) -> Array:
    """X[b, i], W[i, o], Y[b, o] -> L"""
    return least_squares_fwd(X, W, Y)[0]


def least_squares_fwd(X: Array, W: Array, Y: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, Y = admit("least_squares", "X[b,i] W[i,o] Y[b,o]", X, W, Y)
    R = X @ W
    R -= Y
    return np.sum(R**2), (X, W, R)


def least_squares_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array, Array]:
    """dL -> dX[b, i], dW[i, o], dY[b, o]"""
    X, W, R = residuals
    dL = cotangent("least_squares_bwd", "dL[]", dL, (), R.dtype)
    dR = 2 * dL * R
    return dR @ W.T, X.T @ dR, -dR

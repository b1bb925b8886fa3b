"""Affine map of one vector: y = W x + b.

With the cotangent g = ∂L/∂y:   dx = Wᵀ g,   dW = g xᵀ,   db = g
(Petersen & Pedersen, The Matrix Cookbook, eq. 70 and 71).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def affine(x: Array, W: Array, b: Array) -> Array:
    """x[i], W[o, i], b[o] -> y[o]"""
    return affine_fwd(x, W, b)[0]


def affine_fwd(x: Array, W: Array, b: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    x, W, b = admit("affine", "x[i] W[o,i] b[o]", x, W, b)
    return W @ x + b, (x, W)


def affine_bwd(residuals: Residuals, dy: Array) -> tuple[Array, Array, Array]:
    """dy[o] -> dx[i], dW[o, i], db[o]"""
    x, W = residuals
    dy = cotangent("affine_bwd", "dy[o]", dy, W.shape[:1], W.dtype)
    # db is a copy: whoever updates a gradient in place must not change the cotangent.
    return dy @ W, np.outer(dy, x), dy.copy()

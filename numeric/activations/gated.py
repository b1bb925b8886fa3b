"""Gated linear units: a tensor A times an activation H = f(B) of another, the gate B.

With the cotangent G = ∂L/∂Y:   dA = G ⊙ H,   dB = G ⊙ A ⊙ f'(B)
The feed-forward layer is Y = Z U with Z = X V ⊙ silu(X W) (Shazeer, GLU variants improve transformer, 2020).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..linear_maps.linear import as_rows
from ..shapes import Array, Residuals, admit, cotangent, portions
from .elementwise import gelu_fwd, gelu_slope, sigmoid_fwd, sigmoid_slope, silu_fwd, silu_slope


def glu(A: Array, B: Array) -> Array:
    """A[...], B[...] -> Y[...]"""
    return glu_fwd(A, B)[0]


def glu_fwd(A: Array, B: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    return gated("glu", A, B, sigmoid_fwd)


def glu_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array]:
    """dY[...] -> dA[...], dB[...]"""
    return gated_bwd("glu_bwd", residuals, dY, sigmoid_slope)


def geglu(A: Array, B: Array) -> Array:
    """A[...], B[...] -> Y[...]"""
    return geglu_fwd(A, B)[0]


def geglu_fwd(A: Array, B: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    return gated("geglu", A, B, gelu_fwd)


def geglu_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array]:
    """dY[...] -> dA[...], dB[...]"""
    return gated_bwd("geglu_bwd", residuals, dY, gelu_slope)


def swiglu(A: Array, B: Array) -> Array:
    """A[...], B[...] -> Y[...]"""
    return swiglu_fwd(A, B)[0]


def swiglu_fwd(A: Array, B: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    return gated("swiglu", A, B, silu_fwd)


def swiglu_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array]:
    """dY[...] -> dA[...], dB[...]"""
    return gated_bwd("swiglu_bwd", residuals, dY, silu_slope)


def gated(name: str, A: Array, B: Array, activation: Callable) -> tuple[Array, Residuals]:
    """Y = A ⊙ f(B)"""
    A, B = admit(name, "A[...] B[...]", A, B)
    H, inner = activation(B)
    return A * H, (A, H, inner)


def gated_bwd(name: str, residuals: Residuals, dY: Array, slope: Callable) -> tuple[Array, Array]:
    """dA = dY ⊙ f(B),  dB = dY ⊙ A ⊙ f'(B)"""
    A, H, inner = residuals
    dY = cotangent(name, "dY[...]", dY, A.shape, A.dtype)
    dA, dB = np.empty(A.shape, dY.dtype), np.empty(A.shape, dY.dtype)
    for a, h, g, da, db, *kept in portions(A.ndim, A, H, dY, dA, dB, *inner):
        np.multiply(g, h, out=da)
        np.multiply(g, a, out=db)
        db *= slope(*kept)
    return dA, dB


def swiglu_feed_forward(X: Array, W: Array, V: Array, U: Array) -> Array:
    """X[..., i], W[i, h], V[i, h], U[h, o] -> Y[..., o], with as many o as i"""
    return swiglu_feed_forward_fwd(X, W, V, U)[0]


def swiglu_feed_forward_fwd(X: Array, W: Array, V: Array, U: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, V, U = admit("swiglu_feed_forward", "X[...,i] W[i,h] V[i,h] U[h,i]", X, W, V, U)
    rows = as_rows(X)
    Z, inner = swiglu_fwd(rows @ V, rows @ W)
    return (Z @ U).reshape(X.shape), (X, W, V, U, Z, inner)


def swiglu_feed_forward_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array, Array]:
    """dY[..., o] -> dX[..., i], dW[i, h], dV[i, h], dU[h, o]"""
    X, W, V, U, Z, inner = residuals
    dY = as_rows(cotangent("swiglu_feed_forward_bwd", "dY[...,o]", dY, X.shape, X.dtype))
    dA, dB = swiglu_bwd(inner, dY @ U.T)
    rows = as_rows(X)
    dX = dB @ W.T + dA @ V.T
    return dX.reshape(X.shape), rows.T @ dB, rows.T @ dA, Z.T @ dY

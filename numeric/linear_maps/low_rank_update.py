"""A linear map with an update of low rank: Y = X (W + s A B), with any number of leading axes.

With H = X A and the cotangent G = ∂L/∂Y:

    dH = s G Bᵀ        dX = G Wᵀ + dH Aᵀ
    dW = Xᵀ G          dA = Xᵀ dH          dB = s Hᵀ G

(Hu et al., LoRA: Low-rank adaptation of large language models, 2022).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .linear import as_rows

Gradients = tuple[Array, Array, Array, Array]


def low_rank_update(X: Array, W: Array, A: Array, B: Array, *, scale: float = 1.0) -> Array:
    """X[..., i], W[i, o], A[i, r], B[r, o] -> Y[..., o]"""
    return low_rank_update_fwd(X, W, A, B, scale=scale)[0]


def low_rank_update_fwd(X: Array, W: Array, A: Array, B: Array, *, scale: float = 1.0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W, A, B = admit("low_rank_update", "X[...,i] W[i,o] A[i,r] B[r,o]", X, W, A, B)
    rows = as_rows(X)
    H = rows @ A
    Y = rows @ W
    Y += H @ (scale * B)
    return Y.reshape(*X.shape[:-1], W.shape[1]), (X, W, A, B, H, scale)


def low_rank_update_bwd(residuals: Residuals, dY: Array) -> Gradients:
    """dY[..., o] -> dX[..., i], dW[i, o], dA[i, r], dB[r, o]"""
    X, W, A, B, H, scale = residuals
    dY = cotangent("low_rank_update_bwd", "dY[...,o]", dY, X.shape[:-1] + W.shape[1:], X.dtype)
    rows, G = as_rows(X), as_rows(dY)
    dH = G @ (scale * B).T
    dX = G @ W.T
    dX += dH @ A.T
    return dX.reshape(X.shape), rows.T @ G, rows.T @ dH, (scale * H).T @ G

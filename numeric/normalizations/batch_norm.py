"""Batch normalization by the statistics of the batch: each feature over all leading axes, or each channel of images.

With H = G ⊙ γ:   dX = r (H - mean(H) - xhat mean(H xhat)),   dγ = Σ G xhat,   dβ = Σ G
(Ioffe and Szegedy, Batch normalization, 2015).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .standardize import standardized, through_standardized


def batch_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., j], gamma[j], beta[j] -> Y[..., j]"""
    return batch_norm_fwd(X, gamma, beta, eps=eps)[0]


def batch_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("batch_norm", "X[...,j] gamma[j] beta[j]", X, gamma, beta)
    xhat, r = standardized(X, tuple(range(X.ndim - 1)), eps)
    Y = gamma * xhat
    Y += beta
    return Y, (gamma, xhat, r)


def batch_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., j] -> dX[..., j], dgamma[j], dbeta[j]"""
    gamma, xhat, r = residuals
    dY = cotangent("batch_norm_bwd", "dY[...,j]", dY, xhat.shape, xhat.dtype)
    return through_standardized(xhat, r, gamma, dY, tuple(range(xhat.ndim - 1)))


def batch_norm2d(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[n, c, h, w], gamma[c], beta[c] -> Y[n, c, h, w]"""
    return batch_norm2d_fwd(X, gamma, beta, eps=eps)[0]


def batch_norm2d_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("batch_norm2d", "X[n,c,h,w] gamma[c] beta[c]", X, gamma, beta)
    xhat, r = standardized(X, (0, 2, 3), eps)
    Y = gamma[:, None, None] * xhat
    Y += beta[:, None, None]
    return Y, (gamma, xhat, r)


def batch_norm2d_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[n, c, h, w] -> dX[n, c, h, w], dgamma[c], dbeta[c]"""
    gamma, xhat, r = residuals
    dY = cotangent("batch_norm2d_bwd", "dY[n,c,h,w]", dY, xhat.shape, xhat.dtype)
    return through_standardized(xhat, r, gamma[:, None, None], dY, (0, 2, 3))

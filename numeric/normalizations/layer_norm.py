"""Layer normalization: each row to mean 0 and variance 1; and with the root of the mean square in place of both.

With H = G ⊙ γ:   dX = r (H - mean(H) - xhat mean(H xhat)),   dγ = Σ G xhat,   dβ = Σ G
(Ba, Kiros and Hinton, Layer normalization, 2016; Zhang and Sennrich, Root mean square layer normalization, 2019).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .standardize import standardized, through_standardized


def layer_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., j], gamma[j], beta[j] -> Y[..., j]"""
    return layer_norm_fwd(X, gamma, beta, eps=eps)[0]


def layer_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("layer_norm", "X[...,j] gamma[j] beta[j]", X, gamma, beta)
    xhat, r = standardized(X, -1, eps)
    return gamma * xhat + beta, (gamma, xhat, r)


def layer_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., j] -> dX[..., j], dgamma[j], dbeta[j]"""
    gamma, xhat, r = residuals
    dY = cotangent("layer_norm_bwd", "dY[...,j]", dY, xhat.shape, xhat.dtype)
    dX = through_standardized(xhat, r, dY * gamma, -1)
    over = tuple(range(xhat.ndim - 1))
    return dX, np.sum(dY * xhat, over), dY.sum(over)


def rms_norm(X: Array, gamma: Array, *, eps: float = 1e-6) -> Array:
    """X[..., j], gamma[j] -> Y[..., j]"""
    return rms_norm_fwd(X, gamma, eps=eps)[0]


def rms_norm_fwd(X: Array, gamma: Array, *, eps: float = 1e-6) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma = admit("rms_norm", "X[...,j] gamma[j]", X, gamma)
    r = 1 / np.sqrt(np.mean(X**2, axis=-1, keepdims=True) + eps)
    xhat = X * r
    return gamma * xhat, (gamma, xhat, r)


def rms_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array]:
    """dY[..., j] -> dX[..., j], dgamma[j]"""
    gamma, xhat, r = residuals
    dY = cotangent("rms_norm_bwd", "dY[...,j]", dY, xhat.shape, xhat.dtype)
    dxhat = dY * gamma
    dX = r * (dxhat - xhat * np.mean(dxhat * xhat, axis=-1, keepdims=True))
    return dX, np.sum(dY * xhat, tuple(range(xhat.ndim - 1)))

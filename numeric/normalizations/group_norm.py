"""Group normalization, over the channels of a group and all places; instance normalization, over one channel's places.

With H = G ⊙ γ:   dX = r (H - mean(H) - xhat mean(H xhat)),   dγ = Σ G xhat,   dβ = Σ G
(Wu and He, Group normalization, 2018; Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from .standardize import standardized, through_standardized


def group_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., g, c, h, w], gamma[g, c], beta[g, c] -> Y[..., g, c, h, w]"""
    return group_norm_fwd(X, gamma, beta, eps=eps)[0]


def group_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("group_norm", "X[...,g,c,h,w] gamma[g,c] beta[g,c]", X, gamma, beta)
    xhat, r = standardized(X, (-3, -2, -1), eps)
    return gamma[:, :, None, None] * xhat + beta[:, :, None, None], (gamma, xhat, r)


def group_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, c, h, w] -> dX[..., g, c, h, w], dgamma[g, c], dbeta[g, c]"""
    gamma, xhat, r = residuals
    dY = cotangent("group_norm_bwd", "dY[...,g,c,h,w]", dY, xhat.shape, xhat.dtype)
    dX = through_standardized(xhat, r, dY * gamma[:, :, None, None], (-3, -2, -1))
    over = (*range(xhat.ndim - 4), -2, -1)
    return dX, np.sum(dY * xhat, over), dY.sum(over)


def instance_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., c, h, w], gamma[c], beta[c] -> Y[..., c, h, w]"""
    return instance_norm_fwd(X, gamma, beta, eps=eps)[0]


def instance_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("instance_norm", "X[...,c,h,w] gamma[c] beta[c]", X, gamma, beta)
    xhat, r = standardized(X, (-2, -1), eps)
    return gamma[:, None, None] * xhat + beta[:, None, None], (gamma, xhat, r)


def instance_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., c, h, w] -> dX[..., c, h, w], dgamma[c], dbeta[c]"""
    gamma, xhat, r = residuals
    dY = cotangent("instance_norm_bwd", "dY[...,c,h,w]", dY, xhat.shape, xhat.dtype)
    dX = through_standardized(xhat, r, dY * gamma[:, None, None], (-2, -1))
    over = (*range(xhat.ndim - 3), -2, -1)
    return dX, np.sum(dY * xhat, over), dY.sum(over)

"""Group normalization, over the channels of a group and all places; instance normalization, over one channel's places.

With H = G ⊙ γ and sums over n entries:   dX = r (H - Σ H / n - xhat Σ H xhat / n),   dγ = Σ G xhat,   dβ = Σ G
where Σ H = Σ_c γ dβ and Σ H xhat = Σ_c γ dγ, of this group alone: no more sums over places are needed.
(Wu and He, Group normalization, 2018; Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016).
"""

from __future__ import annotations

import math

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, portions


def group_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., g, c, h, w], gamma[g, c], beta[g, c] -> Y[..., g, c, h, w]"""
    return group_norm_fwd(X, gamma, beta, eps=eps)[0]


def group_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("group_norm", "X[...,g,c,h,w] gamma[g,c] beta[g,c]", X, gamma, beta)
    return groups_forward(X, gamma, beta, eps)


def group_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, c, h, w] -> dX[..., g, c, h, w], dgamma[g, c], dbeta[g, c]"""
    X, *_ = residuals
    return groups_backward(residuals, cotangent("group_norm_bwd", "dY[...,g,c,h,w]", dY, X.shape, X.dtype))


def instance_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., c, h, w], gamma[c], beta[c] -> Y[..., c, h, w]"""
    return instance_norm_fwd(X, gamma, beta, eps=eps)[0]


def instance_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("instance_norm", "X[...,c,h,w] gamma[c] beta[c]", X, gamma, beta)
    # Groups of one channel.
    Y, residuals = groups_forward(X[..., None, :, :], gamma[:, None], beta[:, None], eps)
    return Y.reshape(X.shape), (residuals, X.shape)


def instance_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., c, h, w] -> dX[..., c, h, w], dgamma[c], dbeta[c]"""
    inner, shape = residuals
    dY = cotangent("instance_norm_bwd", "dY[...,c,h,w]", dY, shape, inner[0].dtype)
    dX, dgamma, dbeta = groups_backward(inner, dY[..., None, :, :])
    return dX.reshape(shape), dgamma.ravel(), dbeta.ravel()


def groups_forward(X: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Residuals]:
    """X[..., g, c, h, w], gamma[g, c], beta[g, c] -> Y[..., g, c, h, w], and what the backward needs"""
    size = math.prod(X.shape[-3:])
    Y, mu, r = np.empty(X.shape, X.dtype), np.empty(X.shape[:-3], X.dtype), np.empty(X.shape[:-3], X.dtype)
    for x, y, m, s, scale, shift in portions(X.ndim - 3, X, Y, mu, r, of_each(gamma, X), of_each(beta, X)):
        np.sum(x, axis=(-3, -2, -1), out=m)
        m /= size
        np.subtract(x, m[..., None, None, None], out=y)
        # The variance of what is centred: Σ x² / n - μ² would lose all digits where μ is large.
        s[...] = 1 / np.sqrt(np.einsum("...chw,...chw->...", y, y) / size + eps)
        y *= (scale * s[..., None])[..., None, None]
        y += shift[..., None, None]
    # X is there already: xhat = (X - μ) r is formed again rather than kept.
    return Y, (X, gamma, mu, r)


def groups_backward(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, c, h, w] -> dX[..., g, c, h, w], dgamma[g, c], dbeta[g, c]"""
    X, gamma, mu, r = residuals
    size = math.prod(X.shape[-3:])
    dX, dgamma, dbeta = np.empty(X.shape, dY.dtype), *np.empty((2, *X.shape[:-2]), dY.dtype)
    for x, m, s, scale, g, dx, da, db in portions(X.ndim - 3, X, mu, r, of_each(gamma, X), dY, dX, dgamma, dbeta):
        xhat = x - m[..., None, None, None]
        xhat *= s[..., None, None, None]
        np.einsum("...chw,...chw->...c", g, xhat, out=da)
        np.sum(g, axis=(-2, -1), out=db)
        xhat *= (np.einsum("...c,...c->...", scale, da) / size)[..., None, None, None]
        np.multiply(g, scale[..., None, None], out=dx)
        dx -= xhat
        dx -= (np.einsum("...c,...c->...", scale, db) / size)[..., None, None, None]
        dx *= s[..., None, None, None]
    over = tuple(range(X.ndim - 4))
    return dX, dgamma.sum(over), dbeta.sum(over)


def of_each(gamma: Array, X: Array) -> Array:
    """gamma[g, c] -> [..., g, c], for each group of X[..., g, c, h, w]"""
    every = np.empty(X.shape[:-2], X.dtype)
    every[...] = gamma
    return every

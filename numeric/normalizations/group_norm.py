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
    return _forward(X, gamma, beta, eps)


def group_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, c, h, w] -> dX[..., g, c, h, w], dgamma[g, c], dbeta[g, c]"""
    X = residuals[0]
    return _backward(residuals, cotangent("group_norm_bwd", "dY[...,g,c,h,w]", dY, X.shape, X.dtype))


def instance_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., c, h, w], gamma[c], beta[c] -> Y[..., c, h, w]"""
    return instance_norm_fwd(X, gamma, beta, eps=eps)[0]


def instance_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("instance_norm", "X[...,c,h,w] gamma[c] beta[c]", X, gamma, beta)
    # Groups of one channel.
    Y, residuals = _forward(X[..., None, :, :], gamma[:, None], beta[:, None], eps)
    return Y.reshape(X.shape), (residuals, X.shape)


def instance_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., c, h, w] -> dX[..., c, h, w], dgamma[c], dbeta[c]"""
    inner, shape = residuals
    dY = cotangent("instance_norm_bwd", "dY[...,c,h,w]", dY, shape, inner[0].dtype)
    dX, dgamma, dbeta = _backward(inner, dY[..., None, :, :])
    return dX.reshape(shape), dgamma[:, 0], dbeta[:, 0]


def _forward(X: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Residuals]:
    """X[..., g, c, h, w], gamma[g, c], beta[g, c] -> Y[..., g, c, h, w], and what the backward needs"""
    size = math.prod(X.shape[-3:])
    Y, mu, r = np.empty(X.shape, X.dtype), *np.empty((2, *X.shape[:-3], 1, 1, 1), X.dtype)
    for x, y, m, s, scale, shift in portions(X.ndim - 3, X, Y, mu, r, _of_each(gamma, X), _of_each(beta, X)):
        np.sum(x, axis=(-3, -2, -1), keepdims=True, out=m)
        m /= size
        np.subtract(x, m, out=y)
        # The variance of what is centred: Σ x² / n - μ² would lose all digits where μ is large.
        s[...] = 1 / np.sqrt(np.einsum("...chw,...chw->...", y, y)[..., None, None, None] / size + eps)
        y *= scale[..., None, None] * s
        y += shift[..., None, None]
    # X is there already: xhat = (X - μ) r is formed again rather than kept.
    return Y, (X, gamma, mu, r)


def _backward(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., g, c, h, w] -> dX[..., g, c, h, w], dgamma[g, c], dbeta[g, c]"""
    X, gamma, mu, r = residuals
    dX, dgamma, dbeta = np.empty(X.shape, dY.dtype), *np.empty((2, *X.shape[:-2]), dY.dtype)
    for x, m, s, scale, g, dx, da, db in portions(X.ndim - 3, X, mu, r, _of_each(gamma, X), dY, dX, dgamma, dbeta):
        xhat = x - m
        xhat *= s
        np.einsum("...chw,...chw->...c", g, xhat, out=da)
        np.sum(g, axis=(-2, -1), out=db)
        np.multiply(g, scale[..., None, None], out=dx)
        share = scale / math.prod(X.shape[-3:])
        xhat *= np.einsum("...c,...c->...", share, da)[..., None, None, None]
        dx -= xhat
        dx -= np.einsum("...c,...c->...", share, db)[..., None, None, None]
        dx *= s
    over = tuple(range(X.ndim - 4))
    return dX, dgamma.sum(over), dbeta.sum(over)


def _of_each(gamma: Array, X: Array) -> Array:
    """gamma[g, c] -> [..., g, c], for each group of X[..., g, c, h, w]"""
    every = np.empty(X.shape[:-2], X.dtype)
    every[...] = gamma
    return every

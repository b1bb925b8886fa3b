"""Layer normalization: each row to mean 0 and variance 1; and with the root of the mean square in place of both.

With H = G ⊙ γ:   dX = r (H - mean(H) - xhat mean(H xhat)),   dγ = Σ G xhat,   dβ = Σ G
(Ba, Kiros and Hinton, Layer normalization, 2016; Zhang and Sennrich, Root mean square layer normalization, 2019).
"""

from __future__ import annotations

import numpy as np

from ..activations.softmax import row_dots
from ..linear_maps.linear import as_rows
from ..shapes import Array, Residuals, admit, cotangent, portions, row_blocks


def layer_norm(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> Array:
    """X[..., j], gamma[j], beta[j] -> Y[..., j]"""
    return layer_norm_fwd(X, gamma, beta, eps=eps)[0]


def layer_norm_fwd(X: Array, gamma: Array, beta: Array, *, eps: float = 1e-5) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma, beta = admit("layer_norm", "X[...,j] gamma[j] beta[j]", X, gamma, beta)
    rows = as_rows(X)
    Y, mu, r = np.empty_like(rows), np.empty((len(rows), 1), X.dtype), np.empty((len(rows), 1), X.dtype)
    for part in row_blocks(rows):
        mu[part] = rows[part].mean(axis=-1, keepdims=True)
        y = np.subtract(rows[part], mu[part], out=Y[part])
        # The variance of what is centred: Σ x² / n - μ² would lose all digits where μ is large.
        r[part] = 1 / np.sqrt(row_dots(y, y) / X.shape[-1] + eps)
        y *= r[part]
        y *= gamma
        y += beta
    # X is there already: xhat = (X - μ) r is formed again rather than kept.
    return Y.reshape(X.shape), (X, gamma, mu, r)


def layer_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array]:
    """dY[..., j] -> dX[..., j], dgamma[j], dbeta[j]"""
    X, gamma, mu, r = residuals
    dY = cotangent("layer_norm_bwd", "dY[...,j]", dY, X.shape, X.dtype)
    rows, G = as_rows(X), as_rows(dY)
    dX, dgamma, dbeta = np.empty_like(G), np.zeros(gamma.shape, G.dtype), np.zeros(gamma.shape, G.dtype)
    for part in row_blocks(rows):
        xhat = rows[part] - mu[part]
        xhat *= r[part]
        dgamma += np.einsum("bj,bj->j", G[part], xhat)
        dbeta += G[part].sum(axis=0)
        h = np.multiply(G[part], gamma, out=dX[part])
        mean = h.mean(axis=-1, keepdims=True)
        h -= np.multiply(xhat, row_dots(h, xhat) / X.shape[-1])
        h -= mean
        h *= r[part]
    return dX.reshape(X.shape), dgamma, dbeta


def rms_norm(X: Array, gamma: Array, *, eps: float = 1e-6) -> Array:
    """X[..., j], gamma[j] -> Y[..., j]"""
    return rms_norm_fwd(X, gamma, eps=eps)[0]


def rms_norm_fwd(X: Array, gamma: Array, *, eps: float = 1e-6) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, gamma = admit("rms_norm", "X[...,j] gamma[j]", X, gamma)
    Y, r = np.empty(X.shape, X.dtype), np.empty((*X.shape[:-1], 1), X.dtype)
    for x, y, s in portions(X.ndim - 1, X, Y, r):
        s[...] = 1 / np.sqrt(row_dots(x, x) / X.shape[-1] + eps)
        np.multiply(x, s, out=y)
        y *= gamma
    return Y, (X, gamma, r)


def rms_norm_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array]:
    """dY[..., j] -> dX[..., j], dgamma[j]"""
    X, gamma, r = residuals
    dY = cotangent("rms_norm_bwd", "dY[...,j]", dY, X.shape, X.dtype)
    rows, G = as_rows(X), as_rows(dY)
    dX, dgamma = np.empty(G.shape, G.dtype), np.zeros(gamma.shape, G.dtype)
    for x, s, g, dx in portions(1, rows, as_rows(r), G, dX):
        xhat = x * s
        dgamma += np.einsum("bj,bj->j", g, xhat)
        np.multiply(g, gamma, out=dx)
        xhat *= row_dots(dx, xhat) / X.shape[-1]
        dx -= xhat
        dx *= s
    return dX.reshape(X.shape), dgamma

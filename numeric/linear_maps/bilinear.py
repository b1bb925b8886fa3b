"""Bilinear map of two vectors: y[o] = xᵀ A[o] z, with any number of leading axes.

With the cotangent g = ∂L/∂y:   dx = Σ_o g[o] A[o] z,   dA[o] = g[o] x zᵀ,   dz = Σ_o g[o] A[o]ᵀ x
(Petersen & Pedersen, The Matrix Cookbook, eq. 70).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .linear import as_rows


def bilinear(x: Array, A: Array, z: Array) -> Array:
    """x[..., i], A[o, i, j], z[..., j] -> y[..., o]"""
    return bilinear_fwd(x, A, z)[0]


def bilinear_fwd(x: Array, A: Array, z: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    x, A, z = admit("bilinear", "x[...,i] A[o,i,j] z[...,j]", x, A, z)
    o, i, j = A.shape
    # A[o] z for all rows at once is one matrix product.
    Az = (as_rows(z) @ A.reshape(o * i, j).T).reshape(-1, o, i)
    y = (Az @ as_rows(x)[:, :, None])[:, :, 0]
    return y.reshape(*x.shape[:-1], o), (x, A, z, Az)


def bilinear_bwd(residuals: Residuals, dy: Array) -> tuple[Array, Array, Array]:
    """dy[..., o] -> dx[..., i], dA[o, i, j], dz[..., j]"""
    x, A, z, Az = residuals
    o, i, j = A.shape
    dy = cotangent("bilinear_bwd", "dy[...,o]", dy, (*x.shape[:-1], o), x.dtype)
    g = as_rows(dy)
    dx = (g[:, None, :] @ Az)[:, 0, :]
    gx = (g[:, :, None] * as_rows(x)[:, None, :]).reshape(-1, o * i)
    dA = gx.T @ as_rows(z)
    dz = gx @ A.reshape(o * i, j)
    return dx.reshape(x.shape), dA.reshape(A.shape), dz.reshape(z.shape)

"""Reconstruction loss of a subspace: L = ‖X - X W Wᵀ‖².

With H = X W, R = X - H Wᵀ and the cotangent dL:

    dR = 2 dL R        dH = -dR W        dX = dR + dH Wᵀ        dW = Xᵀ dH - dRᵀ H

(Baldi & Hornik, Neural networks and principal component analysis, 1989).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def pca(X: Array, W: Array) -> Array:
    """X[b, i], W[i, k] -> L"""
    return pca_fwd(X, W)[0]


def pca_fwd(X: Array, W: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W = admit("pca", "X[b,i] W[i,k]", X, W)
    H = X @ W
    R = X - H @ W.T
    return np.sum(R**2), (X, W, H, R)


def pca_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dX[b, i], dW[i, k]"""
    X, W, H, R = residuals
    dL = cotangent("pca_bwd", "dL[]", dL, (), R.dtype)
    dR = 2 * dL * R
    dH = -(dR @ W)
    return dR + dH @ W.T, X.T @ dH - dR.T @ H

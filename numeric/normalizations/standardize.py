"""What batch normalizations share: entries to mean 0 and variance 1 along some axes, and back through that.

xhat = (X - μ) r with r = 1 / √(σ² + ε)      dX = γ r (G - mean(G) - xhat mean(G xhat)), as γ is the same along the axes
"""

from __future__ import annotations

import math

import numpy as np

from ..shapes import Array

Axes = tuple[int, ...]


def standardized(X: Array, axes: Axes, eps: float) -> tuple[Array, Array]:
    """xhat, and r with axes of size 1."""
    # The variance of what is centred: Σ x² / n - μ² would lose all digits where μ is large.
    xhat = X - X.mean(axes, keepdims=True)
    r = 1 / np.sqrt(np.mean(xhat**2, axes, keepdims=True) + eps)
    xhat *= r
    return xhat, r


def through_standardized(xhat: Array, r: Array, gamma: Array, dY: Array, axes: Axes) -> tuple[Array, Array, Array]:
    """The gradients by X, gamma and beta; gamma has axes of size 1."""
    every = range(xhat.ndim)
    dgamma = np.einsum(dY, every, xhat, every, [axis for axis in every if axis not in axes])
    dbeta = dY.sum(axes)
    n = math.prod(xhat.shape[axis] for axis in axes)
    dX = xhat * (dgamma.reshape(r.shape) / -n)
    dX += dY
    dX -= dbeta.reshape(r.shape) / n
    dX *= gamma * r
    return dX, dgamma, dbeta

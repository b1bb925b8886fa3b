"""What the normalizations share: entries to mean 0 and variance 1 along some axes, and back through that.

xhat = (X - μ) r with r = 1 / √(σ² + ε)      dX = r (dxhat - mean(dxhat) - xhat mean(dxhat xhat))
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array

Axes = int | tuple[int, ...]


def standardized(X: Array, axes: Axes, eps: float) -> tuple[Array, Array]:
    """xhat, and r with axes of size 1."""
    # The variance of what is centred: Σ x² / n - μ² would lose all digits where μ is large.
    xhat = X - X.mean(axes, keepdims=True)
    r = 1 / np.sqrt(np.mean(xhat**2, axes, keepdims=True) + eps)
    xhat *= r
    return xhat, r


def through_standardized(xhat: Array, r: Array, dxhat: Array, axes: Axes) -> Array:
    """The gradient by X, given that by xhat."""
    dX = dxhat - xhat * np.mean(dxhat * xhat, axes, keepdims=True)
    dX -= dxhat.mean(axes, keepdims=True)
    dX *= r
    return dX

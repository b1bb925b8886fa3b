"""Ridge regression: L = ‖X w - y‖² + λ ‖w‖².

With r = X w - y and the cotangent dL:   dX = 2 dL r wᵀ,   dw = 2 dL (Xᵀ r + λ w),   dy = -2 dL r
(Hoerl & Kennard, Ridge regression, 1970).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def ridge(X: Array, w: Array, y: Array, *, penalty: float = 0.1) -> Array:
    """X[b, i], w[i], y[b] -> L"""
    return ridge_fwd(X, w, y, penalty=penalty)[0]


def ridge_fwd(X: Array, w: Array, y: Array, *, penalty: float = 0.1) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, w, y = admit("ridge", "X[b,i] w[i] y[b]", X, w, y)
    r = X @ w - y
    return r @ r + penalty * (w @ w), (X, w, r, penalty)


def ridge_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array, Array]:
    """dL -> dX[b, i], dw[i], dy[b]"""
    X, w, r, penalty = residuals
    dL = cotangent("ridge_bwd", "dL[]", dL, (), r.dtype)
    dr = 2 * dL * r
    return np.outer(dr, w), dr @ X + 2 * penalty * dL * w, -dr

"""Mean squared error over n entries: L = Σ (Y - T)² / n.

With the cotangent dL:   dY = 2 dL (Y - T) / n,   dT = -dY
(Goodfellow, Bengio & Courville, Deep Learning, section 5.1.4).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent


def mse(Y: Array, T: Array) -> Array:
    """Y[...], T[...] -> L"""
    return mse_fwd(Y, T)[0]


def mse_fwd(Y: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Y, T = admit("mse", "Y[...] T[...]", Y, T)
    if Y.size == 0:
        raise ValueError(f"mse: Y, axis ...: expected at least 1 entry, given shape {Y.shape}.")
    R = Y - T
    entries = R.reshape(-1)
    return entries @ entries / R.size, (R,)


def mse_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dY[...], dT[...]"""
    (R,) = residuals
    dL = cotangent("mse_bwd", "dL[]", dL, (), R.dtype)
    dY = (2 * dL / R.size) * R
    return dY, -dY

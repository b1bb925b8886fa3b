"""Mean absolute error over n entries: L = Σ |Y - T| / n.

With the cotangent dL:   dY = dL sign(Y - T) / n,   dT = -dY;   at Y = T the slope is 0
(Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 10.6).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent
from ._nonempty import nonempty


def mean_absolute_error(Y: Array, T: Array) -> Array:
    """Y[...], T[...] -> L"""
    return mean_absolute_error_fwd(Y, T)[0]


def mean_absolute_error_fwd(Y: Array, T: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Y, T = admit("mean_absolute_error", "Y[...] T[...]", Y, T)
    nonempty("mean_absolute_error", "Y", "...", Y)
    R = Y - T
    return np.mean(np.abs(R)), (R,)


def mean_absolute_error_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dY[...], dT[...]"""
    (R,) = residuals
    dL = cotangent("mean_absolute_error_bwd", "dL[]", dL, (), R.dtype)
    dY = dL / R.size * np.sign(R)
    return dY, -dY

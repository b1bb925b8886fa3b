"""Cross-entropy with the smoothed targets S = (1 - ε) T + ε / C of C classes.

Where each row of T sums to 1, so does each of S, and with P = softmax(Z) and the cotangent dL:

    dZ = dL (P - S) / B        dT = -(1 - ε) dL log P / B

(Szegedy et al., Rethinking the Inception architecture, 2016, section 7).
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit
from ._nonempty import nonempty
from .cross_entropy import cross_entropy_bwd, cross_entropy_fwd


def label_smoothing(Z: Array, T: Array, *, epsilon: float = 0.1) -> Array:
    """Z[b, c], T[b, c] -> L"""
    return label_smoothing_fwd(Z, T, epsilon=epsilon)[0]


def label_smoothing_fwd(Z: Array, T: Array, *, epsilon: float = 0.1) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Z, T = admit("label_smoothing", "Z[b,c] T[b,c]", Z, T)
    nonempty("label_smoothing", "Z", "b", Z)
    L, residuals = cross_entropy_fwd(Z, (1 - epsilon) * T + epsilon / T.shape[1])
    return L, (residuals, epsilon)


def label_smoothing_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dZ[b, c], dT[b, c]"""
    inner, epsilon = residuals
    dZ, dS = cross_entropy_bwd(inner, dL)
    return dZ, (1 - epsilon) * dS

"""Softmax over the last axis: P[j] = exp(S[j]) / Σ_m exp(S[m]).

With the cotangent G = ∂L/∂P:   dS = P ⊙ (G - (P ⊙ G) 1 1ᵀ)
(Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def softmax(S: Array) -> Array:
    """S[..., j] -> P[..., j]"""
    return softmax_fwd(S)[0]


def softmax_fwd(S: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [S] = admit("softmax", "S[...,j]", S)
    # The shift by the maximum changes nothing in P, and keeps exp from overflowing.
    # initial=-inf: the softmax over no entries is empty, not an error.
    P = S - S.max(axis=-1, keepdims=True, initial=-np.inf)
    np.exp(P, out=P)
    P /= P.sum(axis=-1, keepdims=True)
    return P, (P,)


def softmax_bwd(residuals: Residuals, dP: Array) -> Array:
    """dP[..., j] -> dS[..., j]"""
    (P,) = residuals
    dP = cotangent("softmax_bwd", "dP[...,j]", dP, P.shape, P.dtype)
    return P * (dP - row_dots(P, dP))


def row_dots(A: Array, B: Array) -> Array:
    """(A ⊙ B) 1, kept as a column: the dot product of each row pair, without the array A ⊙ B."""
    return np.einsum("...j,...j->...", A, B)[..., None]

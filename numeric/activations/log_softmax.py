"""Log-softmax over the last axis: A[j] = S[j] - log Σ_m exp(S[m]).

With the cotangent G = ∂L/∂A:   dS = G - exp(A) ⊙ (G 1 1ᵀ)
(Goodfellow, Bengio & Courville, Deep Learning, section 6.2.2.3).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, portions


def log_softmax(S: Array) -> Array:
    """S[..., j] -> A[..., j]"""
    return log_softmax_fwd(S)[0]


def log_softmax_fwd(S: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [S] = admit("log_softmax", "S[...,j]", S)
    # The shift by the maximum changes nothing in A, and keeps exp from overflowing.
    A = S - S.max(axis=-1, keepdims=True, initial=-np.inf)
    A -= np.log(np.exp(A).sum(axis=-1, keepdims=True))
    return A, (A,)


def log_softmax_bwd(residuals: Residuals, dA: Array) -> Array:
    """dA[..., j] -> dS[..., j]"""
    (A,) = residuals
    dA = cotangent("log_softmax_bwd", "dA[...,j]", dA, A.shape, A.dtype)
    dS = np.empty(A.shape, dA.dtype)
    for a, g, ds in portions(A.ndim - 1, A, dA, dS):
        np.exp(a, out=ds)
        ds *= -g.sum(axis=-1, keepdims=True)
        ds += g
    return dS

"""Kullback-Leibler divergence of Q = softmax(B) from P = softmax(A), the mean of n rows D = Σ_c P log(P / Q).

With the cotangent dL:   dA = dL P ⊙ (log P - log Q - D 1ᵀ) / n,   dB = dL (Q - P) / n
(Kullback & Leibler, On information and sufficiency, 1951).
"""

from __future__ import annotations

import numpy as np

from ..activations.log_softmax import log_softmax
from ..activations.softmax import row_dots
from ..shapes import Array, Residuals, admit, cotangent, portions
from ._nonempty import nonempty


def kl_divergence(A: Array, B: Array) -> Array:
    """A[b, c], B[b, c] -> L"""
    return kl_divergence_fwd(A, B)[0]


def kl_divergence_fwd(A: Array, B: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    A, B = admit("kl_divergence", "A[b,c] B[b,c]", A, B)
    nonempty("kl_divergence", "A", "b", A)
    logP, logQ = log_softmax(A), log_softmax(B)
    P = np.exp(logP)
    D = row_dots(P, logP - logQ)
    return np.mean(D), (P, logP, logQ, D)


def kl_divergence_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array]:
    """dL -> dA[b, c], dB[b, c]"""
    P, logP, logQ, D = residuals
    dL = cotangent("kl_divergence_bwd", "dL[]", dL, (), P.dtype)
    share = dL / len(P)
    dA, dB = np.empty(P.shape, share.dtype), np.empty(P.shape, share.dtype)
    for p, log_p, log_q, d, da, db in portions(1, P, logP, logQ, D, dA, dB):
        np.subtract(log_p, log_q, out=da)
        da -= d
        da *= p
        da *= share
        np.exp(log_q, out=db)
        db -= p
        db *= share
    return dA, dB

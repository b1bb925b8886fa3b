"""Squared error of a factorization where it is known: L = Σ M (R - U Vᵀ)², M is 1 at known entries and 0 elsewhere.

With E = R - U Vᵀ and the cotangent dL:

    dR = 2 dL M ⊙ E        dM = dL E^{⊙2}        dU = -dR V        dV = -dRᵀ U

(Koren, Bell & Volinsky, Matrix factorization techniques for recommender systems, 2009).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent

Gradients = tuple[Array, Array, Array, Array]


def matrix_factorization(R: Array, M: Array, U: Array, V: Array) -> Array:
    """R[i, j], M[i, j], U[i, k], V[j, k] -> L"""
    return matrix_factorization_fwd(R, M, U, V)[0]


def matrix_factorization_fwd(R: Array, M: Array, U: Array, V: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    R, M, U, V = admit("matrix_factorization", "R[i,j] M[i,j] U[i,k] V[j,k]", R, M, U, V)
    E = R - U @ V.T
    return np.sum(M * E**2), (M, U, V, E)


def matrix_factorization_bwd(residuals: Residuals, dL: Array) -> Gradients:
    """dL -> dR[i, j], dM[i, j], dU[i, k], dV[j, k]"""
    M, U, V, E = residuals
    dL = cotangent("matrix_factorization_bwd", "dL[]", dL, (), E.dtype)
    dE = dL * E
    dR = 2 * M * dE
    return dR, dE * E, -(dR @ V), -(dR.T @ U)

"""Rayleigh quotient of a symmetric matrix: ρ = xᵀ C x / xᵀ x.

With the cotangent dρ:   dC = dρ x xᵀ / xᵀ x,   dx = 2 dρ (C x - ρ x) / xᵀ x
(Golub & Van Loan, Matrix Computations, section 8.2).
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def rayleigh_quotient(C: Array, x: Array) -> Array:
    """C[i, i], x[i] -> rho"""
    return rayleigh_quotient_fwd(C, x)[0]


def rayleigh_quotient_fwd(C: Array, x: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    # x first: C is square if both of its axes are as long as x.
    x, C = admit("rayleigh_quotient", "x[i] C[i,i]", x, C)
    Cx, square = C @ x, x @ x
    rho = x @ Cx / square
    return rho, (x, Cx, square, rho)


def rayleigh_quotient_bwd(residuals: Residuals, drho: Array) -> tuple[Array, Array]:
    """drho -> dC[i, i], dx[i]"""
    x, Cx, square, rho = residuals
    drho = cotangent("rayleigh_quotient_bwd", "drho[]", drho, (), x.dtype)
    share = drho / square
    return np.outer(share * x, x), 2 * share * (Cx - rho * x)

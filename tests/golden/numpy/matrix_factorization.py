"""Squared error L = Σ M (R - U Vᵀ)² of a factorization, M is 1 where R is known, else 0 (Koren et al., 2009).

Each gradient is shaped like its variable: dR like R.
"""

import numpy as np


def _floating(*arrays):
    """The arguments as arrays of their common floating type; integers become float64."""
    arrays = [np.asarray(array) for array in arrays]
    dtype = np.result_type(*arrays)
    if not np.issubdtype(dtype, np.inexact):
        dtype = np.float64
    return [array.astype(dtype, copy=False) for array in arrays]


def _check(function, /, **arguments):
    """Raise a ValueError unless every axis has one size throughout; an argument is (array, "names of its axes")."""
    known = {}
    for name, (array, axes) in arguments.items():
        array, axes = np.asarray(array), axes.split()
        if array.dtype.kind not in "biufc":
            raise ValueError(f"{function}: {name} is an array of {array.dtype}, expected numbers.")
        leading = axes[:1] == ["..."]
        named = len(axes) - leading
        if array.ndim < named or (array.ndim > named and not leading):
            expected = f"at least {named}" if leading else named
            entry = f"{name}[{', '.join(axes)}]"
            raise ValueError(f"{function}: {entry} has shape {array.shape}, expected {expected} axes.")
        split = array.ndim - named
        sizes = [array.shape[:split], *array.shape[split:]] if leading else array.shape
        for axis, size in zip(axes, sizes, strict=True):
            expected, source = known.setdefault(axis, (size, name))
            if size != expected:
                raise ValueError(
                    f"{function}: axis {axis} of {name} has size {size}, expected {expected} (axis {axis} of {source})."
                )


def matrix_factorization(R, M, U, V):
    """Squared error L = Σ M (R - U Vᵀ)² of a factorization, M is 1 where R is known, else 0 (Koren et al., 2009).

    R: (n, m), M: (n, m), U: (n, K), V: (m, K) -> L: scalar
    """
    return matrix_factorization_fwd(R, M, U, V)[0]


def matrix_factorization_fwd(R, M, U, V):
    """The output L, and what matrix_factorization_bwd needs: M, U, V, E."""
    _check("matrix_factorization", R=(R, "i j"), M=(M, "i j"), U=(U, "i k"), V=(V, "j k"))
    R, M, U, V = _floating(R, M, U, V)
    # E[i, j] = R[i, j] - Σ_k U[i, k] V[j, k]
    E = U @ V.T
    np.subtract(R, E, out=E)
    # L = Σ_{i,j} M[i, j] E[i, j]²
    L = np.vdot(E**2, M)
    return L, (M, U, V, E)


def matrix_factorization_bwd(residuals, dL):
    """The gradients dR, dM, dU, dV, given the cotangent dL.

    dL: scalar -> dR: (n, m), dM: (n, m), dU: (n, K), dV: (m, K)
    """
    M, U, V, E = residuals
    dL = np.asarray(dL, dtype=M.dtype)
    _check("matrix_factorization_bwd", dL=(dL, ""))
    # dR[i, j] = 2 dL M[i, j] E[i, j]
    dR = 2 * dL * M * E
    # dM[i, j] = dL E[i, j]²
    dM = dL * E**2
    # dU[i, k] = -Σ_j V[j, k] dR[i, j]
    dU = -(dR @ V)
    # dV[j, k] = -Σ_i U[i, k] dR[i, j]
    dV = -(dR.T @ U)
    return dR, dM, dU, dV

"""Second derivatives of matrix_factorization: products with a direction, and Hessians.

Squared error L = Σ M (R - U Vᵀ)² of a factorization, M is 1 where R is known, else 0 (Koren et al., 2009).

L stands for the loss L.
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


def matrix_factorization_hvp(R, M, U, V, D):
    """The Hessian of L by U, times the direction D.

    R: (n, m), M: (n, m), U: (n, K), V: (m, K), D: (n, K) -> HD: (n, K)
    """
    _check(
        "matrix_factorization_hvp",
        R=(R, "i j"),
        M=(M, "i j"),
        U=(U, "i k"),
        V=(V, "j k"),
        D=(D, "i k"),
    )
    R, M, U, V, D = _floating(R, M, U, V, D)
    # HD[i, k] = 2 Σ_{k1,j} D[i, k1] M[i, j] V[j, k1] V[j, k]
    HD = 2 * M * (D @ V.T) @ V
    return HD


def matrix_factorization_hessian(R, M, U, V):
    """The Hessian d²L/dU[i,k]dU[l,o] = [i = l] H[i,k,o].

    R: (n, m), M: (n, m), U: (n, K), V: (m, K) -> H: (n, K, K)
    """
    _check("matrix_factorization_hessian", R=(R, "i j"), M=(M, "i j"), U=(U, "i k"), V=(V, "j k"))
    R, M, U, V = _floating(R, M, U, V)
    n, m = R.shape
    K = U.shape[1]
    # H[i, k, o] = 2 Σ_j M[i, j] V[j, k] V[j, o]
    H = (2 * M @ (V[:, :, None] * V[:, None, :]).reshape(m, -1)).reshape(n, K, K).mT
    return H

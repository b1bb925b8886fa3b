"""Second derivatives of factorization: products with a direction, and Hessians.

A matrix as the product of two small ones.

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


def factorization_hvp(R, U, V, D):
    """The Hessian of L by U, times the direction D.

    R: (n, m), U: (n, k), V: (m, k), D: (n, k) -> HD: (n, k)
    """
    _check("factorization_hvp", R=(R, "i o"), U=(U, "i a"), V=(V, "o a"), D=(D, "i a"))
    R, U, V, D = _floating(R, U, V, D)
    # HD[i, a] = 2 Σ_{a1,o} D[i, a1] V[o, a1] V[o, a]
    HD = D @ (V.T @ (2 * V)).T
    return HD


def factorization_hessian(R, U, V):
    """The Hessian d²L/dU[i,a]dU[j,b] = [i = j] H[a,b].

    R: (n, m), U: (n, k), V: (m, k) -> H: (k, k)
    """
    _check("factorization_hessian", R=(R, "i o"), U=(U, "i a"), V=(V, "o a"))
    R, U, V = _floating(R, U, V)
    # H[a, b] = 2 Σ_o V[o, a] V[o, b]
    H = (2 * V).T @ V
    return H

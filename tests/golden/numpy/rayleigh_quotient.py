"""Rayleigh quotient ρ = xᵀ C x / xᵀ x of a symmetric matrix (Golub and Van Loan, 2013, §8.2).

Each gradient is shaped like its variable: dC like C.
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


def _check_size(function, axis, name, size, expected):
    """Raise a ValueError unless an axis has the size that others imply."""
    if size != expected:
        raise ValueError(f"{function}: axis {axis} of {name} has size {size}, expected {expected}.")


def rayleigh_quotient(C, x):
    """Rayleigh quotient ρ = xᵀ C x / xᵀ x of a symmetric matrix (Golub and Van Loan, 2013, §8.2).

    C: (n, n), x: (n,) -> rho: scalar
    Given: C[i, j] = C[j, i].
    """
    return rayleigh_quotient_fwd(C, x)[0]


def rayleigh_quotient_fwd(C, x):
    """The output rho, and what rayleigh_quotient_bwd needs: C, x, rho."""
    _check("rayleigh_quotient", C=(C, "i j"), x=(x, "i"))
    C, x = _floating(C, x)
    n = C.shape[0]
    _check_size("rayleigh_quotient", "j", "C", C.shape[1], n)
    # rho = Σ_{i,j} C[i, j] x[i] x[j] / (Σ_i1 x[i1]²)
    rho = x @ (x @ C) / (x @ x)
    return rho, (C, x, rho)


def rayleigh_quotient_bwd(residuals, drho):
    """The gradients dC, dx, given the cotangent drho.

    drho: scalar -> dC: (n, n), dx: (n,)
    Given: C[i, j] = C[j, i].
    """
    C, x, rho = residuals
    drho = np.asarray(drho, dtype=C.dtype)
    _check("rayleigh_quotient_bwd", drho=(drho, ""))
    # dC[i, j] = drho x[i] x[j] / (Σ_i1 x[i1]²)
    part = x @ x
    dC = (drho / part * x)[:, None] * x
    # dx[i] = 2 drho (Σ_j C[i, j] x[j] - rho x[i]) / (Σ_i1 x[i1]²)
    dx = 2 * drho / part * (C @ x - rho * x)
    return dC, dx

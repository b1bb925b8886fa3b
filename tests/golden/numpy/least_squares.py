"""Least squares L = ‖XW - Y‖², the squared Frobenius norm (Boyd and Vandenberghe, 2004, §1.2).

Each gradient is shaped like its variable: dX like X.
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


def least_squares(X, W, Y):
    """Least squares L = ‖XW - Y‖², the squared Frobenius norm (Boyd and Vandenberghe, 2004, §1.2).

    X: (n, d_in), W: (d_in, d_out), Y: (n, d_out) -> L: scalar
    """
    return least_squares_fwd(X, W, Y)[0]


def least_squares_fwd(X, W, Y):
    """The output L, and what least_squares_bwd needs: X, W, R."""
    _check("least_squares", X=(X, "b i"), W=(W, "i o"), Y=(Y, "b o"))
    X, W, Y = _floating(X, W, Y)
    # R[b, o] = Σ_i X[b, i] W[i, o] - Y[b, o]
    R = X @ W - Y
    # L = Σ_{b,o} R[b, o]²
    L = np.vdot(R, R)
    return L, (X, W, R)


def least_squares_bwd(residuals, dL):
    """The gradients dX, dW, dY, given the cotangent dL.

    dL: scalar -> dX: (n, d_in), dW: (d_in, d_out), dY: (n, d_out)
    """
    X, W, R = residuals
    dL = np.asarray(dL, dtype=X.dtype)
    _check("least_squares_bwd", dL=(dL, ""))
    # dX[b, i] = 2 dL Σ_o W[i, o] R[b, o]
    dX = R @ (2 * dL * W).T
    # dW[i, o] = 2 dL Σ_b X[b, i] R[b, o]
    dW = (2 * dL * X).T @ R
    # dY[b, o] = -2 dL R[b, o]
    dY = -2 * dL * R
    return dX, dW, dY

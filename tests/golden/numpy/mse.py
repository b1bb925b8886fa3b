"""Mean squared error L = ‖Y - T‖² / N over all N entries (Bishop, Pattern Recognition, 2006, §1.1).

Each gradient is shaped like its variable: dY like Y.
... stands for any number of leading axes.
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


def mse(Y, T):
    """Mean squared error L = ‖Y - T‖² / N over all N entries (Bishop, Pattern Recognition, 2006, §1.1).

    Y: (...,), T: (...,) -> L: scalar
    """
    return mse_fwd(Y, T)[0]


def mse_fwd(Y, T):
    """The output L, and what mse_bwd needs: R."""
    _check("mse", Y=(Y, "..."), T=(T, "..."))
    Y, T = _floating(Y, T)
    # R[...] = Y[...] - T[...]
    R = Y - T
    # L = Σ_... R[...]² / |...|
    L = np.vdot(R, R) / Y.size
    return L, (R,)


def mse_bwd(residuals, dL):
    """The gradients dY, dT, given the cotangent dL.

    dL: scalar -> dY: (...,), dT: (...,)
    """
    (R,) = residuals
    dL = np.asarray(dL, dtype=R.dtype)
    _check("mse_bwd", dL=(dL, ""))
    # dY[...] = 2 dL R[...] / |...|
    dY = 2 * dL / R.size * R
    # dT[...] = -dY[...]
    dT = -dY
    return dY, dT

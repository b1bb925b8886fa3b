"""Hyperbolic tangent Y = tanh(X).

Each gradient is shaped like its variable: dX like X.
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


def tanh(X):
    """Hyperbolic tangent Y = tanh(X).

    X: (...,) -> Y: (...,)
    """
    return tanh_fwd(X)[0]


def tanh_fwd(X):
    """The output Y, and what tanh_bwd needs: Y."""
    _check("tanh", X=(X, "..."))
    (X,) = _floating(X)
    # Y[...] = tanh(X[...])
    Y = np.tanh(X)
    return Y, (Y,)


def tanh_bwd(residuals, dY):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (...,)
    """
    (Y,) = residuals
    dY = np.asarray(dY, dtype=Y.dtype)
    _check("tanh_bwd", Y=(Y, "..."), dY=(dY, "..."))
    # dX[...] = dY[...] (1 - Y[...]²)
    dX = dY * (1 - Y**2)
    return dX

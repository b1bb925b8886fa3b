"""Mean absolute error L = Σ |Y - T| / N over all N entries (Hastie, Tibshirani and Friedman, 2009, §10.6).

Each gradient is shaped like its variable: dY like Y.
... stands for any number of leading axes.
"""

import math

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def mean_absolute_error(Y, T):
    """Mean absolute error L = Σ |Y - T| / N over all N entries (Hastie, Tibshirani and Friedman, 2009, §10.6).

    Y: (...,), T: (...,) -> L: scalar
    """
    return mean_absolute_error_fwd(Y, T)[0]


def mean_absolute_error_fwd(Y, T):
    """The output L, and what mean_absolute_error_bwd needs: Y, T."""
    _check("mean_absolute_error", Y=(Y, "..."), T=(T, "..."))
    Y, T = _floating(Y, T)
    ell = Y.shape
    L = Y.dtype.type(0)
    for at in _portions(ell, 1):
        # R[...] = Y[...] - T[...]
        R = Y[at] - T[at]
        # L = Σ_... |R[...]| / |...|
        L += np.sum(np.abs(R)) / Y.size
    return L, (Y, T)


def mean_absolute_error_bwd(residuals, dL):
    """The gradients dY, dT, given the cotangent dL.

    dL: scalar -> dY: (...,), dT: (...,)
    """
    Y, T = residuals
    dL = np.asarray(dL, dtype=Y.dtype)
    _check("mean_absolute_error_bwd", dL=(dL, ""))
    ell = Y.shape
    dY = np.empty(ell, Y.dtype)
    dT = np.empty(ell, Y.dtype)
    for at in _portions(ell, 1):
        # R[...] = Y[...] - T[...]
        R = Y[at] - T[at]
        # dY[...] = dL sign(R[...]) / |...|
        np.multiply(dL / Y.size, np.sign(R), out=dY[at])
        # dT[...] = -dY[...]
        np.negative(dY[at], out=dT[at])
    return dY, dT

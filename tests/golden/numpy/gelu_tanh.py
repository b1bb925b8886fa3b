"""GELU by its approximation with a hyperbolic tangent (Hendrycks and Gimpel, 2016).

Each gradient is shaped like its variable: dX like X.
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


def gelu_tanh(X):
    """GELU by its approximation with a hyperbolic tangent (Hendrycks and Gimpel, 2016).

    X: (...,) -> Y: (...,)
    """
    return gelu_tanh_fwd(X)[0]


def gelu_tanh_fwd(X):
    """The output Y, and what gelu_tanh_bwd needs: X, T."""
    _check("gelu_tanh", X=(X, "..."))
    (X,) = _floating(X)
    ell = X.shape
    T = np.empty(ell, X.dtype)
    Y = np.empty(ell, X.dtype)
    for at in _portions(ell, 1):
        # T[...] = tanh(√(2 / pi) (0.044715 X[...]³ + X[...]))
        np.tanh(math.sqrt(2 / math.pi) * (0.044715 * X[at] ** 2 * X[at] + X[at]), out=T[at])
        # Y[...] = (1/2) X[...] (T[...] + 1)
        np.multiply(0.5 * (T[at] + 1), X[at], out=Y[at])
    return Y, (X, T)


def gelu_tanh_bwd(residuals, dY):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (...,)
    """
    X, T = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("gelu_tanh_bwd", X=(X, "..."), dY=(dY, "..."))
    ell = X.shape
    dX = np.empty(ell, X.dtype)
    for at in _portions(ell, 1):
        # dX[...] = (1/2) dY[...] (√(2 / pi) X[...] (0.134145 X[...]² + 1) (1 - T[...]²) +
        #     T[...] + 1)
        dX_part = math.sqrt(2 / math.pi) * X[at] * (1 - T[at] ** 2)
        np.multiply(0.5 * dY[at], T[at] + dX_part * (0.134145 * X[at] ** 2 + 1) + 1, out=dX[at])
    return dX

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


def gelu_tanh(X):
    """GELU by its approximation with a hyperbolic tangent (Hendrycks and Gimpel, 2016).

    X: (...,) -> Y: (...,)
    """
    return gelu_tanh_fwd(X)[0]


def gelu_tanh_fwd(X):
    """The output Y, and what gelu_tanh_bwd needs: X, T."""
    _check("gelu_tanh", X=(X, "..."))
    (X,) = _floating(X)
    # T[...] = tanh(√(2 / pi) (0.044715 X[...]³ + X[...]))
    T = np.tanh(math.sqrt(2 / math.pi) * (0.044715 * X**2 * X + X))
    # Y[...] = (1/2) X[...] (T[...] + 1)
    Y = 0.5 * (T + 1) * X
    return Y, (X, T)


def gelu_tanh_bwd(residuals, dY):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (...,)
    """
    X, T = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("gelu_tanh_bwd", X=(X, "..."), dY=(dY, "..."))
    # dX[...] = (1/2) dY[...] (√(2 / pi) X[...] (0.134145 X[...]² + 1) (1 - T[...]²) + T[...] +
    #     1)
    dX = 0.5 * dY * (T + math.sqrt(2 / math.pi) * X * (1 - T**2) * (0.134145 * X**2 + 1) + 1)
    return dX

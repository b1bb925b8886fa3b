"""Leaky rectified linear unit: X where X > 0, else slope X (Maas, Hannun and Ng, 2013).

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


def _where(mask, x, y, out=None):
    """np.where on the bits, y ^ (x ^ y) mask: of signs in no order, a branch for every entry takes far longer.

    Where y is 0, the result may be written to `out`.
    """
    dtype = np.result_type(x, y)
    if dtype not in (np.float32, np.float64):
        return np.where(mask, x, y)
    x, y = (np.asarray(value, dtype).view(f"i{dtype.itemsize}") for value in (x, y))
    if y.ndim or y != 0:
        return ((x ^ y) * mask ^ y).view(dtype)
    return np.multiply(x, mask, out=None if out is None else out.view(x.dtype)).view(dtype)


def leaky_relu(X, *, slope=0.01):
    """Leaky rectified linear unit: X where X > 0, else slope X (Maas, Hannun and Ng, 2013).

    X: (...,) -> Y: (...,)
    """
    return leaky_relu_fwd(X, slope=slope)[0]


def leaky_relu_fwd(X, *, slope=0.01):
    """The output Y, and what leaky_relu_bwd needs: X."""
    slope = float(slope)
    _check("leaky_relu", X=(X, "..."))
    (X,) = _floating(X)
    # Y[...] = X[...] [X[...] > 0] + slope X[...] [X[...] ≤ 0]
    Y = _where(X > 0, X, slope * X)
    return Y, (X,)


def leaky_relu_bwd(residuals, dY, *, slope=0.01):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (...,)
    """
    slope = float(slope)
    (X,) = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("leaky_relu_bwd", X=(X, "..."), dY=(dY, "..."))
    # dX[...] = dY[...] ([X[...] > 0] + slope [X[...] ≤ 0])
    dX = _where(X > 0, dY, slope * dY)
    return dX

"""Exponential linear unit: X where X > 0, else alpha (exp(X) - 1) (Clevert, Unterthiner and Hochreiter, 2016).

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def elu(X, *, alpha=1.0):
    """Exponential linear unit: X where X > 0, else alpha (exp(X) - 1) (Clevert, Unterthiner and Hochreiter, 2016).

    X: (...,) -> Y: (...,)
    """
    return elu_fwd(X, alpha=alpha)[0]


def elu_fwd(X, *, alpha=1.0):
    """The output Y, and what elu_bwd needs: X."""
    alpha = float(alpha)
    _check("elu", X=(X, "..."))
    (X,) = _floating(X)
    ell = X.shape
    Y = np.empty(ell, X.dtype)
    for at in _portions(ell, 1):
        # Y[...] = X[...] [X[...] > 0] + alpha (exp(X[...]) - 1) [X[...] ≤ 0]
        Y[at] = _where(X[at] > 0, X[at], alpha * np.expm1(np.minimum(X[at], 0)))
    return Y, (X,)


def elu_bwd(residuals, dY, *, alpha=1.0):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (...,)
    """
    alpha = float(alpha)
    (X,) = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("elu_bwd", X=(X, "..."), dY=(dY, "..."))
    ell = X.shape
    dX = np.empty(ell, X.dtype)
    for at in _portions(ell, 1):
        # dX[...] = dY[...] ([X[...] > 0] + alpha exp(X[...]) [X[...] ≤ 0])
        np.multiply(dY[at], _where(X[at] > 0, 1, alpha * np.exp(np.minimum(X[at], 0))), out=dX[at])
    return dX

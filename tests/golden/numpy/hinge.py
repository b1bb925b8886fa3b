"""Hinge loss L = Σ max(1 - T Y, 0) / N of scores Y, with labels T of ±1 (Cortes and Vapnik, 1995).

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


def hinge(Y, T):
    """Hinge loss L = Σ max(1 - T Y, 0) / N of scores Y, with labels T of ±1 (Cortes and Vapnik, 1995).

    Y: (...,), T: (...,) -> L: scalar
    """
    return hinge_fwd(Y, T)[0]


def hinge_fwd(Y, T):
    """The output L, and what hinge_bwd needs: Y, T."""
    _check("hinge", Y=(Y, "..."), T=(T, "..."))
    Y, T = _floating(Y, T)
    ell = Y.shape
    L = Y.dtype.type(0)
    for at in _portions(ell, 1):
        # L = Σ_... (1 - Y[...] T[...]) [Y[...] T[...] < 1] / |...|
        L += np.sum(np.maximum(1 - T[at] * Y[at], 0)) / Y.size
    return L, (Y, T)


def hinge_bwd(residuals, dL):
    """The gradients dY, dT, given the cotangent dL.

    dL: scalar -> dY: (...,), dT: (...,)
    """
    Y, T = residuals
    dL = np.asarray(dL, dtype=Y.dtype)
    _check("hinge_bwd", dL=(dL, ""))
    ell = Y.shape
    dY = np.empty(ell, Y.dtype)
    dT = np.empty(ell, Y.dtype)
    for at in _portions(ell, 1):
        # dY[...] = -dL T[...] [Y[...] T[...] < 1] / |...|
        mask = T[at] * Y[at] < 1
        np.negative(_where(mask, dL / Y.size * T[at], 0), out=dY[at])
        # dT[...] = -dL Y[...] [Y[...] T[...] < 1] / |...|
        np.negative(_where(mask, dL / Y.size * Y[at], 0), out=dT[at])
    return dY, dT

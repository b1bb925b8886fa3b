"""Huber loss, the mean of r²/2 where |r| ≤ δ and of δ (|r| - δ/2) beyond, r = Y - T (Huber, 1964).

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


def huber(Y, T, *, delta=1.0):
    """Huber loss, the mean of r²/2 where |r| ≤ δ and of δ (|r| - δ/2) beyond, r = Y - T (Huber, 1964).

    Y: (...,), T: (...,) -> L: scalar
    """
    return huber_fwd(Y, T, delta=delta)[0]


def huber_fwd(Y, T, *, delta=1.0):
    """The output L, and what huber_bwd needs: Y, T."""
    delta = float(delta)
    _check("huber", Y=(Y, "..."), T=(T, "..."))
    Y, T = _floating(Y, T)
    ell = Y.shape
    L = Y.dtype.type(0)
    for at in _portions(ell, 1):
        # R[...] = Y[...] - T[...]
        R = Y[at] - T[at]
        # L = Σ_... ((1/2) R[...]² [|R[...]| ≤ delta] + delta (|R[...]| - (1/2) delta) [|R[...]|
        #     > delta]) / |...|
        part = np.abs(R)
        L += _where(part > delta, delta * (part - 0.5 * delta), 0.5 * R**2).sum() / Y.size
    return L, (Y, T)


def huber_bwd(residuals, dL, *, delta=1.0):
    """The gradients dY, dT, given the cotangent dL.

    dL: scalar -> dY: (...,), dT: (...,)
    """
    delta = float(delta)
    Y, T = residuals
    dL = np.asarray(dL, dtype=Y.dtype)
    _check("huber_bwd", dL=(dL, ""))
    ell = Y.shape
    dY = np.empty(ell, Y.dtype)
    dT = np.empty(ell, Y.dtype)
    for at in _portions(ell, 1):
        # R[...] = Y[...] - T[...]
        R = Y[at] - T[at]
        # dY[...] = dL (R[...] [|R[...]| ≤ delta] + delta sign(R[...]) [|R[...]| > delta]) /
        #     |...|
        np.multiply(dL / Y.size, _where(np.abs(R) > delta, delta * np.sign(R), R), out=dY[at])
        # dT[...] = -dY[...]
        np.negative(dY[at], out=dT[at])
    return dY, dT

"""Binary cross-entropy of labels T between 0 and 1 from logits Z, the mean over N entries (Bishop, 2006, §4.3.2).

-T log σ(Z) - (1 - T) log(1 - σ(Z)) = log(1 + exp(Z)) - T Z

Each gradient is shaped like its variable: dZ like Z.
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


def _sigmoid(x):
    """1 / (1 + exp(-x)); where exp overflows to inf, 1 / inf is the 0 that is wanted."""
    with np.errstate(over="ignore"):
        y = np.asarray(np.exp(-x))
    y += 1
    return np.reciprocal(y, out=y)


def _softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)): the exponential cannot overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def binary_cross_entropy(Z, T):
    """Binary cross-entropy of labels T between 0 and 1 from logits Z, the mean over N entries (Bishop, 2006, §4.3.2).

    Z: (...,), T: (...,) -> L: scalar
    """
    return binary_cross_entropy_fwd(Z, T)[0]


def binary_cross_entropy_fwd(Z, T):
    """The output L, and what binary_cross_entropy_bwd needs: Z, T."""
    _check("binary_cross_entropy", Z=(Z, "..."), T=(T, "..."))
    Z, T = _floating(Z, T)
    ell = Z.shape
    L = Z.dtype.type(0)
    for at in _portions(ell, 1):
        # L = Σ_... (softplus(Z[...]) - Z[...] T[...]) / |...|
        L += np.sum(_softplus(Z[at]) - T[at] * Z[at]) / Z.size
    return L, (Z, T)


def binary_cross_entropy_bwd(residuals, dL):
    """The gradients dZ, dT, given the cotangent dL.

    dL: scalar -> dZ: (...,), dT: (...,)
    """
    Z, T = residuals
    dL = np.asarray(dL, dtype=Z.dtype)
    _check("binary_cross_entropy_bwd", dL=(dL, ""))
    ell = Z.shape
    dZ = np.empty(ell, Z.dtype)
    dT = np.empty(ell, Z.dtype)
    for at in _portions(ell, 1):
        # dZ[...] = dL (sigmoid(Z[...]) - T[...]) / |...|
        np.multiply(dL / Z.size, _sigmoid(Z[at]) - T[at], out=dZ[at])
        # dT[...] = -dL Z[...] / |...|
        np.negative(dL / Z.size * Z[at], out=dT[at])
    return dZ, dT

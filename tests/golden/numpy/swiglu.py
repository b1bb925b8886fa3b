"""Gated linear unit with a SiLU: Y = A ⊙ silu(B) (Shazeer, 2020).

Each gradient is shaped like its variable: dA like A.
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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def swiglu(A, B):
    """Gated linear unit with a SiLU: Y = A ⊙ silu(B) (Shazeer, 2020).

    A: (...,), B: (...,) -> Y: (...,)
    """
    return swiglu_fwd(A, B)[0]


def swiglu_fwd(A, B):
    """The output Y, and what swiglu_bwd needs: A, B, S."""
    _check("swiglu", A=(A, "..."), B=(B, "..."))
    A, B = _floating(A, B)
    # S[...] = sigmoid(B[...])
    S = _sigmoid(B)
    # H[...] = B[...] S[...]
    H = S * B
    # Y[...] = A[...] H[...]
    Y = A * H
    return Y, (A, B, S)


def swiglu_bwd(residuals, dY):
    """The gradients dA, dB, given the cotangent dY.

    dY: (...,) -> dA: (...,), dB: (...,)
    """
    A, B, S = residuals
    dY = np.asarray(dY, dtype=A.dtype)
    _check("swiglu_bwd", A=(A, "..."), dY=(dY, "..."))
    ell = A.shape
    dA = np.empty(ell, A.dtype)
    dB = np.empty(ell, A.dtype)
    for at in _portions(ell, 1):
        # H[...] = B[...] S[...]
        H = S[at] * B[at]
        # dH[...] = dY[...] A[...]
        dH = dY[at] * A[at]
        # dA[...] = dY[...] H[...]
        np.multiply(dY[at], H, out=dA[at])
        # dB[...] = dH[...] (S[...] + H[...] (1 - S[...]))
        np.multiply(dH, S[at] + (1 - S[at]) * H, out=dB[at])
    return dA, dB

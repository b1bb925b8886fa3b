"""Rotary embedding: pair p at place t turned by the angle t b^(-p/r) (Su et al., RoFormer, 2021).

The d = 2 r features of a row come as two halves, and a pair is (x_0, x_1) = (X[0, p], X[1, p]). It is turned to
(x_0 cos - x_1 sin, x_1 cos + x_0 sin).

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
What is read outside a tensor is 0.
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


def _check_size(function, axis, name, size, expected):
    """Raise a ValueError unless an axis has the size that others imply."""
    if size != expected:
        raise ValueError(f"{function}: axis {axis} of {name} has size {size}, expected {expected}.")


def _check_option(function, name, value, least):
    """Raise a ValueError unless an option is an integer that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{function}: {name} is {value!r}, expected an integer of at least {least}.")


def rotary(X, *, base=10000, past=0):
    """Rotary embedding: pair p at place t turned by the angle t b^(-p/r) (Su et al., RoFormer, 2021).

    X: (..., n, 2, r) -> Y: (..., n, 2, r)
    """
    return rotary_fwd(X, base=base, past=past)[0]


def rotary_fwd(X, *, base=10000, past=0):
    """The output Y, and what rotary_bwd needs: cosine, sine."""
    base = float(base)
    _check_option("rotary", "past", past, 0)
    _check("rotary", X=(X, "... t c p"))
    (X,) = _floating(X)
    n = X.shape[-3]
    r = X.shape[-1]
    _check_size("rotary", "c", "X", X.shape[-2], 2)
    # cosine[t, p] = cos((t + past) exp(-p log(base) / r))
    E = np.exp(-math.log(base) / r * np.arange(r).astype(X.dtype))
    part = (np.arange(n) + past).astype(X.dtype)[:, None] * E
    cosine = np.cos(part)
    # sine[t, p] = sin((t + past) exp(-p log(base) / r))
    sine = np.sin(part)
    # Y[..., t, c, p] = X[..., t, c, p] cosine[t, p] + X[..., t, 1 - c, p] sine[t, p] (2 c - 1)
    Y = cosine[:, None, :] * X
    Y += sine[:, None, :] * (2 * np.arange(2) - 1).astype(X.dtype)[:, None] * X[..., ::-1, :]
    return Y, (cosine, sine)


def rotary_bwd(residuals, dY, *, base=10000, past=0):
    """The gradient dX, given the cotangent dY.

    dY: (..., n, 2, r) -> dX: (..., n, 2, r)
    """
    _check_option("rotary_bwd", "past", past, 0)
    cosine, sine = residuals
    dY = np.asarray(dY, dtype=cosine.dtype)
    _check("rotary_bwd", cosine=(cosine, "t p"), dY=(dY, "... t c p"))
    _check_size("rotary_bwd", "c", "dY", dY.shape[-2], 2)
    # dX[..., t, c, p] = dY[..., t, c, p] cosine[t, p] + dY[..., t, 1 - c, p] sine[t, p] (1 - 2
    #     c)
    dX = dY * cosine[:, None, :]
    dX += sine[:, None, :] * (1 - 2 * np.arange(2)).astype(cosine.dtype)[:, None] * dY[..., ::-1, :]
    return dX

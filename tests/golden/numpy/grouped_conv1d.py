"""Convolution in one dimension, group by group (Krizhevsky, Sutskever and Hinton, 2012).

X.reshape(n, n_g, c_in, n_l) splits the channels of X of shape (n, n_g * c_in, n_l) and is a view.

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
Convolution is cross-correlation; what is read outside a tensor is 0.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided


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


def _check_least(function, axis, name, size):
    """Raise a ValueError where an axis of the result would be empty."""
    if size < 1:
        raise ValueError(f"{function}: axis {axis} of {name} would have size {size}, expected at least 1.")


def _check_option(function, name, value, least):
    """Raise a ValueError unless an option is an integer that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{function}: {name} is {value!r}, expected an integer of at least {least}.")


def _margins(shape, sizes, rows):
    """How far the positions c + Σ step·i of each row reach beyond its axis, in front and behind."""
    margins = []
    for length, (start, *steps) in zip(shape, rows, strict=True):
        reach = [step * (size - 1) for step, size in zip(steps, sizes, strict=True)]
        first = start + sum(r for r in reach if r < 0)
        last = start + sum(r for r in reach if r > 0)
        margins.append((max(0, -first), max(0, last + 1 - length)))
    return margins


def _windows(array, sizes, *rows, outside=0):
    """The view V[..., i, j] = array[..., c + s·i + d·j], a row (c, s, d) for each of the last axes."""
    split = array.ndim - len(rows)
    margins = _margins(array.shape[split:], sizes, rows)
    if np.any(margins):
        inside = [slice(before, before + n) for (before, _), n in zip(margins, array.shape[split:], strict=True)]
        padded = [before + n + after for (before, after), n in zip(margins, array.shape[split:], strict=True)]
        array, unpadded = np.zeros((*array.shape[:split], *padded), array.dtype), array
        if outside:
            array[:] = outside
        array[..., *inside] = unpadded
    start = [slice(c + before, None) for (c, *_), (before, _) in zip(rows, margins, strict=True)]
    steps = zip(*(steps for _, *steps in rows), strict=True)
    strides = [sum(s * step for s, step in zip(array.strides[split:], column, strict=True)) for column in steps]
    return as_strided(array[..., *start], (*array.shape[:split], *sizes), (*array.strides[:split], *strides))


def _overlap_add(values, shape, taps, *rows, weights=None):
    """The adjoint of _windows: values[..., i, j] is added at c + s·i + d·j; a loop over the first of i, j: the taps.

    Where there are weights, it is values * weights that is added, without an array of all products.
    """
    if weights is not None:
        values, weights = np.broadcast_arrays(values, weights)
    split = values.ndim - len(rows[0]) + 1
    sizes = values.shape[split:]
    margins = _margins(shape, sizes, rows)
    padded = [before + n + after for (before, after), n in zip(margins, shape, strict=True)]
    total = np.zeros((*values.shape[:split], *padded), values.dtype)
    moved = [(c + before, *steps) for (c, *steps), (before, _) in zip(rows, margins, strict=True)]
    view = _windows(total, sizes, *moved)
    rest = [slice(None)] * (len(sizes) - taps)
    for tap in np.ndindex(*sizes[:taps]):
        at = (..., *tap, *rest)
        view[at] += values[at] if weights is None else values[at] * weights[at]
    return total[..., *(slice(before, before + n) for (before, _), n in zip(margins, shape, strict=True))]


def grouped_conv1d(X, W, b, *, stride=1, padding=0, dilation=1):
    """Convolution in one dimension, group by group (Krizhevsky, Sutskever and Hinton, 2012).

    X: (..., n_g, c_in, n), W: (n_g, c_out, c_in, K), b: (n_g, c_out) -> Y: (..., n_g, c_out, t)
    """
    return grouped_conv1d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def grouped_conv1d_fwd(X, W, b, *, stride=1, padding=0, dilation=1):
    """The output Y, and what grouped_conv1d_bwd needs: X, W."""
    _check_option("grouped_conv1d", "stride", stride, 1)
    _check_option("grouped_conv1d", "padding", padding, 0)
    _check_option("grouped_conv1d", "dilation", dilation, 1)
    _check("grouped_conv1d", X=(X, "... g c l"), W=(W, "g o c k"), b=(b, "g o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-3]
    n_g = X.shape[-3]
    n = X.shape[-1]
    c_out = W.shape[1]
    K = W.shape[3]
    n_t = (n + 2 * padding - dilation * (K - 1) - 1) // stride + 1
    _check_least("grouped_conv1d", "t", "Y", n_t)
    # Y[..., g, o, t] = Σ_{c,k} X[..., g, c, stride t + dilation k - padding] W[g, o, c, k] +
    #     b[g, o]
    X_columns = _windows(X, (K, n_t), (-padding, dilation, stride)).reshape(*ell, n_g, -1, n_t)
    Y = W.reshape(n_g, c_out, -1) @ X_columns
    Y += b[:, :, None]
    return Y, (X, W)


def grouped_conv1d_bwd(residuals, dY, *, stride=1, padding=0, dilation=1):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., n_g, c_out, t)
    -> dX: (..., n_g, c_in, n), dW: (n_g, c_out, c_in, K), db: (n_g, c_out)
    """
    _check_option("grouped_conv1d_bwd", "stride", stride, 1)
    _check_option("grouped_conv1d_bwd", "padding", padding, 0)
    _check_option("grouped_conv1d_bwd", "dilation", dilation, 1)
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("grouped_conv1d_bwd", X=(X, "... g c l"), W=(W, "g o c k"), dY=(dY, "... g o t"))
    ell = X.shape[:-3]
    n_g, c_in, n = X.shape[-3:]
    c_out = W.shape[1]
    K = W.shape[3]
    n_t = (n + 2 * padding - dilation * (K - 1) - 1) // stride + 1
    _check_size("grouped_conv1d_bwd", "t", "dY", dY.shape[-1], n_t)
    # dX[..., g, c, l] = Σ_{o,t,k} dY[..., g, o, t] W[g, o, c, k] [l = stride t + dilation k -
    #     padding]
    dX_taps = (W.reshape(n_g, c_out, -1).mT @ dY).reshape(*ell, n_g, c_in, K, n_t)
    dX = _overlap_add(dX_taps, (n,), 1, (-padding, dilation, stride))
    # dW[g, o, c, k] = Σ_{...,t} dY[..., g, o, t] X[..., g, c, stride t + dilation k - padding]
    dY_rows = dY.reshape(-1, n_g, c_out, n_t).transpose(1, 2, 0, 3).reshape(n_g, c_out, -1)
    X_windows = _windows(X.reshape(-1, n_g, c_in, n), (n_t, K), (-padding, stride, dilation))
    dW_matrix = dY_rows @ X_windows.transpose(1, 2, 4, 0, 3).reshape(n_g, c_in * K, -1).mT
    dW = dW_matrix.reshape(n_g, c_out, c_in, K)
    # db[g, o] = Σ_{...,t} dY[..., g, o, t]
    db = dY.sum(axis=-1).reshape(-1, n_g, c_out).sum(axis=0)
    return dX, dW, db

"""Depthwise convolution with D and a, then pointwise with P and b (Chollet, 2017; Howard et al., 2017).

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


def _tap_sum(windows, axes, weights=None):
    """(windows * weights).sum(axes), tap by tap: no array of all products is made."""
    axes = np.atleast_1d(axes)
    if weights is not None:
        windows, weights = np.broadcast_arrays(windows, weights)
        weights = np.moveaxis(weights, axes, range(len(axes)))
    windows = np.moveaxis(windows, axes, range(len(axes)))
    sizes = windows.shape[: len(axes)]
    total = np.zeros(windows.shape[len(axes) :], windows.dtype)
    for tap in np.ndindex(*sizes):
        total += windows[tap] if weights is None else windows[tap] * weights[tap]
    return total


def _tap_inner(subscripts, windows, values, taps):
    """np.einsum of each tap of the windows, their last axes, with the values; the result ends with the taps too."""
    sizes = windows.shape[-taps:]
    found = [np.einsum(subscripts, windows[..., *tap], values) for tap in np.ndindex(*sizes)]
    return np.stack(found, axis=-1).reshape(*found[0].shape, *sizes)


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


def depthwise_conv2d(X, W, b, *, stride=1, padding=0, dilation=1):
    """Convolution of each channel with a kernel of its own, in two dimensions (Sifre, 2014).

    X: (..., c_in, n_h, n_w), W: (c_in, K_h, K_w), b: (c_in,) -> Y: (..., c_in, i, j)
    """
    return depthwise_conv2d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def depthwise_conv2d_fwd(X, W, b, *, stride=1, padding=0, dilation=1):
    """The output Y, and what depthwise_conv2d_bwd needs: X, W."""
    _check_option("depthwise_conv2d", "stride", stride, 1)
    _check_option("depthwise_conv2d", "padding", padding, 0)
    _check_option("depthwise_conv2d", "dilation", dilation, 1)
    _check("depthwise_conv2d", X=(X, "... c h w"), W=(W, "c u v"), b=(b, "c"))
    X, W, b = _floating(X, W, b)
    n_h, n_w = X.shape[-2:]
    K_h = W.shape[1]
    K_w = W.shape[2]
    n_i = (n_h + 2 * padding - dilation * (K_h - 1) - 1) // stride + 1
    n_j = (n_w + 2 * padding - dilation * (K_w - 1) - 1) // stride + 1
    _check_least("depthwise_conv2d", "i", "Y", n_i)
    _check_least("depthwise_conv2d", "j", "Y", n_j)
    # Y[..., c, i, j] = Σ_{u,v} X[..., c, stride i + dilation u - padding, stride j + dilation v
    #     - padding] W[c, u, v] + b[c]
    X_windows = _windows(
        X, (K_h, K_w, n_i, n_j), (-padding, dilation, 0, stride, 0), (-padding, 0, dilation, 0, stride)
    )
    Y = _tap_sum(X_windows, (-4, -3), W[:, :, :, None, None]) + b[:, None, None]
    return Y, (X, W)


def depthwise_conv2d_bwd(residuals, dY, *, stride=1, padding=0, dilation=1):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., c_in, i, j) -> dX: (..., c_in, n_h, n_w), dW: (c_in, K_h, K_w), db: (c_in,)
    """
    _check_option("depthwise_conv2d_bwd", "stride", stride, 1)
    _check_option("depthwise_conv2d_bwd", "padding", padding, 0)
    _check_option("depthwise_conv2d_bwd", "dilation", dilation, 1)
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("depthwise_conv2d_bwd", X=(X, "... c h w"), dY=(dY, "... c i j"))
    c_in, n_h, n_w = X.shape[-3:]
    K_h = W.shape[1]
    K_w = W.shape[2]
    n_i = (n_h + 2 * padding - dilation * (K_h - 1) - 1) // stride + 1
    n_j = (n_w + 2 * padding - dilation * (K_w - 1) - 1) // stride + 1
    _check_size("depthwise_conv2d_bwd", "i", "dY", dY.shape[-2], n_i)
    _check_size("depthwise_conv2d_bwd", "j", "dY", dY.shape[-1], n_j)
    # dX[..., c, h, w] = Σ_{i,j,u,v} dY[..., c, i, j] W[c, u, v] [h = stride i + dilation u -
    #     padding] [w = stride j + dilation v - padding]
    dX = _overlap_add(
        dY[..., None, None, :, :],
        (n_h, n_w),
        2,
        (-padding, dilation, 0, stride, 0),
        (-padding, 0, dilation, 0, stride),
        weights=W[:, :, :, None, None],
    )
    # dW[c, u, v] = Σ_{...,i,j} dY[..., c, i, j] X[..., c, stride i + dilation u - padding,
    #     stride j + dilation v - padding]
    dY_rows = dY.reshape(-1, c_in, n_i, n_j)
    X_rows = X.reshape(-1, c_in, n_h, n_w)
    X_windows = _windows(
        X_rows, (n_i, n_j, K_h, K_w), (-padding, stride, 0, dilation, 0), (-padding, 0, stride, 0, dilation)
    )
    dW = _tap_inner("acij,acij->c", X_windows, dY_rows, 2)
    # db[c] = Σ_{...,i,j} dY[..., c, i, j]
    db = dY.sum(axis=(-2, -1)).reshape(-1, c_in).sum(axis=0)
    return dX, dW, db


def pointwise_conv2d(X, W, b):
    """Convolution with a kernel of one tap: a linear map of the channels at each place (Lin, Chen and Yan, 2014).

    X: (..., c_in, n_h, n_w), W: (c_out, c_in), b: (c_out,) -> Y: (..., c_out, n_h, n_w)
    """
    return pointwise_conv2d_fwd(X, W, b)[0]


def pointwise_conv2d_fwd(X, W, b):
    """The output Y, and what pointwise_conv2d_bwd needs: X, W."""
    _check("pointwise_conv2d", X=(X, "... c h w"), W=(W, "o c"), b=(b, "o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-3]
    c_in, n_h, n_w = X.shape[-3:]
    c_out = W.shape[0]
    # Y[..., o, h, w] = Σ_c X[..., c, h, w] W[o, c] + b[o]
    Y = (W @ X.reshape(*ell, c_in, -1)).reshape(*ell, c_out, n_h, n_w)
    Y += b[:, None, None]
    return Y, (X, W)


def pointwise_conv2d_bwd(residuals, dY):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., c_out, n_h, n_w) -> dX: (..., c_in, n_h, n_w), dW: (c_out, c_in), db: (c_out,)
    """
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("pointwise_conv2d_bwd", X=(X, "... c h w"), W=(W, "o c"), dY=(dY, "... o h w"))
    ell = X.shape[:-3]
    c_in, n_h, n_w = X.shape[-3:]
    c_out = W.shape[0]
    # dX[..., c, h, w] = Σ_o dY[..., o, h, w] W[o, c]
    dX = (W.T @ dY.reshape(*ell, c_out, -1)).reshape(*ell, c_in, n_h, n_w)
    # dW[o, c] = Σ_{...,h,w} dY[..., o, h, w] X[..., c, h, w]
    dY_rows = dY.reshape(-1, c_out, n_h, n_w).transpose(1, 0, 2, 3).reshape(c_out, -1)
    dW = dY_rows @ X.reshape(-1, c_in, n_h, n_w).transpose(1, 0, 2, 3).reshape(c_in, -1).T
    # db[o] = Σ_{...,h,w} dY[..., o, h, w]
    db = dY.sum(axis=(-2, -1)).reshape(-1, c_out).sum(axis=0)
    return dX, dW, db


def depthwise_separable_conv2d(X, D, a, P, b, *, stride=1, padding=0, dilation=1):
    """Depthwise convolution with D and a, then pointwise with P and b (Chollet, 2017; Howard et al., 2017).

    X: (..., c_in, n_h, n_w), D: (c_in, K_h, K_w), a: (c_in,), P: (c_out, c_in), b: (c_out,)
    -> Y: (..., c_out, i, j)
    """
    return depthwise_separable_conv2d_fwd(X, D, a, P, b, stride=stride, padding=padding, dilation=dilation)[0]


def depthwise_separable_conv2d_fwd(X, D, a, P, b, *, stride=1, padding=0, dilation=1):
    """The output Y, and what depthwise_separable_conv2d_bwd needs: X, D, P, H."""
    _check_option("depthwise_separable_conv2d", "stride", stride, 1)
    _check_option("depthwise_separable_conv2d", "padding", padding, 0)
    _check_option("depthwise_separable_conv2d", "dilation", dilation, 1)
    _check(
        "depthwise_separable_conv2d",
        X=(X, "... c h w"),
        D=(D, "c u v"),
        a=(a, "c"),
        P=(P, "o c"),
        b=(b, "o"),
    )
    X, D, a, P, b = _floating(X, D, a, P, b)
    H = depthwise_conv2d(X, D, a, stride=stride, padding=padding, dilation=dilation)
    Y = pointwise_conv2d(H, P, b)
    return Y, (X, D, P, H)


def depthwise_separable_conv2d_bwd(residuals, dY, *, stride=1, padding=0, dilation=1):
    """The gradients dX, dD, da, dP, db, given the cotangent dY.

    dY: (..., c_out, i, j)
    -> dX: (..., c_in, n_h, n_w), dD: (c_in, K_h, K_w), da: (c_in,), dP: (c_out, c_in), db: (c_out,)
    """
    _check_option("depthwise_separable_conv2d_bwd", "stride", stride, 1)
    _check_option("depthwise_separable_conv2d_bwd", "padding", padding, 0)
    _check_option("depthwise_separable_conv2d_bwd", "dilation", dilation, 1)
    X, D, P, H = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("depthwise_separable_conv2d_bwd", P=(P, "o c"), H=(H, "... c i j"), dY=(dY, "... o i j"))
    dH, dP, db = pointwise_conv2d_bwd((H, P), dY)
    dX, dD, da = depthwise_conv2d_bwd((X, D), dH, stride=stride, padding=padding, dilation=dilation)
    return dX, dD, da, dP, db

"""Mean of each window of entries in a row; zeros of the padding count (LeCun et al., 1989).

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
What is read outside a tensor is 0.
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
        rows = [(c + before, *steps) for (c, *steps), (before, _) in zip(rows, margins, strict=True)]
    return _shown(array, sizes, rows)


def _shown(array, sizes, rows):
    """The view of _windows, where the array has room for it."""
    split = array.ndim - len(rows)
    steps = zip(*(steps for _, *steps in rows), strict=True)
    strides = [sum(s * step for s, step in zip(array.strides[split:], column, strict=True)) for column in steps]
    start = array[..., *(slice(c, None) for c, *_ in rows)]
    return as_strided(start, (*array.shape[:split], *sizes), (*array.strides[:split], *strides))


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


def _room(front, sizes, shape, rows, dtype, lines=False):
    """Zeros; those of them that have the shape; and the view V[..., j, i] of these at c + d·j + s·i, a row (c, d, s).

    All have the axes in front. Around the shape, there is room for what the view shows there. In lines, there are as
    many places i, which move by one, as entries: what a tap j shows is one slice of memory. After the last place of a
    row comes what is of no use: the first entries of the next row.
    """
    margins = _margins(shape, sizes, rows)
    padded = [before + n + after for (before, after), n in zip(margins, shape, strict=True)]
    total = np.zeros((*front, padded[0] + lines, *padded[1:]), dtype)
    inside = [slice(before, before + n) for (before, _), n in zip(margins, shape, strict=True)]
    moved = [(c + before, *steps) for (c, *steps), (before, _) in zip(rows, margins, strict=True)]
    if lines:
        sizes = (*sizes[: len(sizes) - len(shape) + 1], *padded[1:])
    return total, total[..., *inside], _shown(total, sizes, moved)


def _overlap_add(values, shape, taps, *rows, weights=None):
    """The adjoint of _windows: values[..., i, j] is added at c + s·i + d·j; a loop over the first of i, j: the taps.

    Where there are weights, it is values * weights that is added, without an array of all products.
    """
    if weights is not None:
        values, weights = np.broadcast_arrays(values, weights)
    split = values.ndim - len(rows[0]) + 1
    sizes = values.shape[split:]
    _, total, view = _room(values.shape[:split], sizes, shape, rows, values.dtype)
    rest = [slice(None)] * (len(sizes) - taps)
    for tap in np.ndindex(*sizes[:taps]):
        at = (..., *tap, *rest)
        view[at] += values[at] if weights is None else values[at] * weights[at]
    return total


def avg_pool1d(X, *, window=2, stride=2, padding=0):
    """Mean of each window of entries in a row; zeros of the padding count (LeCun et al., 1989).

    X: (..., n) -> Y: (..., t)
    """
    return avg_pool1d_fwd(X, window=window, stride=stride, padding=padding)[0]


def avg_pool1d_fwd(X, *, window=2, stride=2, padding=0):
    """The output Y, and what avg_pool1d_bwd needs: X."""
    _check_option("avg_pool1d", "window", window, 1)
    _check_option("avg_pool1d", "stride", stride, 1)
    _check_option("avg_pool1d", "padding", padding, 0)
    _check("avg_pool1d", X=(X, "... l"))
    (X,) = _floating(X)
    n = X.shape[-1]
    n_t = (n + 2 * padding - window) // stride + 1
    _check_least("avg_pool1d", "t", "Y", n_t)
    # Y[..., t] = Σ_k X[..., stride t + k - padding] / window
    Y = _tap_sum(_windows(X, (window, n_t), (-padding, 1, stride)), -2) / window
    return Y, (X,)


def avg_pool1d_bwd(residuals, dY, *, window=2, stride=2, padding=0):
    """The gradient dX, given the cotangent dY.

    dY: (..., t) -> dX: (..., n)
    """
    _check_option("avg_pool1d_bwd", "window", window, 1)
    _check_option("avg_pool1d_bwd", "stride", stride, 1)
    _check_option("avg_pool1d_bwd", "padding", padding, 0)
    (X,) = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("avg_pool1d_bwd", X=(X, "... l"), dY=(dY, "... t"))
    ell = X.shape[:-1]
    n = X.shape[-1]
    n_t = (n + 2 * padding - window) // stride + 1
    _check_size("avg_pool1d_bwd", "t", "dY", dY.shape[-1], n_t)
    # dX[..., l] = Σ_{t,k} dY[..., t] [l = stride t + k - padding] / window
    dX_taps = np.broadcast_to((dY / window)[..., None, :], (*ell, window, n_t))
    dX = _overlap_add(dX_taps, (n,), 1, (-padding, 1, stride))
    return dX

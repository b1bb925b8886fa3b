"""Toeplitz operator y = T(w) x: cross-correlation of one channel, with zero padding.

Each gradient is shaped like its variable: dx like x.
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
        rows = [(c + before, *steps) for (c, *steps), (before, _) in zip(rows, margins, strict=True)]
    return _shown(array, sizes, rows)


def _shown(array, sizes, rows):
    """The view of _windows, where the array has room for it."""
    split = array.ndim - len(rows)
    steps = zip(*(steps for _, *steps in rows), strict=True)
    strides = [sum(s * step for s, step in zip(array.strides[split:], column, strict=True)) for column in steps]
    start = array[..., *(slice(c, None) for c, *_ in rows)]
    return as_strided(start, (*array.shape[:split], *sizes), (*array.strides[:split], *strides))


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


def toeplitz(x, w, *, stride=1, padding=0, dilation=1):
    """Toeplitz operator y = T(w) x: cross-correlation of one channel, with zero padding.

    x: (n,), w: (K,) -> y: (t,)
    """
    return toeplitz_fwd(x, w, stride=stride, padding=padding, dilation=dilation)[0]


def toeplitz_fwd(x, w, *, stride=1, padding=0, dilation=1):
    """The output y, and what toeplitz_bwd needs: x, w."""
    _check_option("toeplitz", "stride", stride, 1)
    _check_option("toeplitz", "padding", padding, 0)
    _check_option("toeplitz", "dilation", dilation, 1)
    _check("toeplitz", x=(x, "j"), w=(w, "k"))
    x, w = _floating(x, w)
    n = x.shape[0]
    K = w.shape[0]
    n_t = (n + 2 * padding - dilation * (K - 1) - 1) // stride + 1
    _check_least("toeplitz", "t", "y", n_t)
    # y[t] = Σ_k x[stride t + dilation k - padding] w[k]
    y = np.einsum("tk,k->t", _windows(x, (n_t, K), (-padding, stride, dilation)), w)
    return y, (x, w)


def toeplitz_bwd(residuals, dy, *, stride=1, padding=0, dilation=1):
    """The gradients dx, dw, given the cotangent dy.

    dy: (t,) -> dx: (n,), dw: (K,)
    """
    _check_option("toeplitz_bwd", "stride", stride, 1)
    _check_option("toeplitz_bwd", "padding", padding, 0)
    _check_option("toeplitz_bwd", "dilation", dilation, 1)
    x, w = residuals
    dy = np.asarray(dy, dtype=x.dtype)
    _check("toeplitz_bwd", dy=(dy, "t"))
    n = x.shape[0]
    K = w.shape[0]
    n_t = (n + 2 * padding - dilation * (K - 1) - 1) // stride + 1
    _check_size("toeplitz_bwd", "t", "dy", dy.shape[0], n_t)
    # dx[j] = Σ_{t,k} dy[t] w[k] [j = stride t + dilation k - padding]
    dx = _overlap_add(dy, (n,), 1, (-padding, dilation, stride), weights=w[:, None])
    # dw[k] = Σ_t dy[t] x[stride t + dilation k - padding]
    dw = np.einsum("t,tk->k", dy, _windows(x, (n_t, K), (-padding, stride, dilation)))
    return dx, dw

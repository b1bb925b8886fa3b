"""Convolution of channels in one dimension, padded with `left` zeros in front and `right` zeros behind.

With `left` and `right` equal it is conv1d (Dumoulin and Visin, 2016).

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
Convolution is cross-correlation; what is read outside a tensor is 0.
"""

import math

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


def _parts(count, total):
    """Slices of so many items, of one to two megabytes of the total each: what is made of one stays in cache."""
    step = -(-count // max(1, total // 2**20)) or 1
    return [slice(n, n + step) for n in range(0, max(1, count), step)]


def _pieces(array, sizes, rows, at=0, lines=False):
    """Pieces of the view _windows(array, sizes, *rows), and where they lie: along the first axis and that of i.

    One after the other, they are copied into the same memory: new memory would take as long as the copying. The first
    axis is moved to `at`; the places i may be in lines, as in _room.
    """
    places = len(rows)
    parts = _parts(len(array), array.dtype.itemsize * math.prod(array.shape[:-places]) * math.prod(sizes))
    front = (parts[0].stop, *array.shape[1:-places])
    _, inside, view = _room(front, sizes, array.shape[-places:], rows, array.dtype, lines)
    # Four times as many as that: matrix products gain more from being large than from the cache.
    steps = _parts(sizes[-places], view[:1].nbytes if lines else view[:1].nbytes // 4)
    buffer = np.empty(view[..., steps[0], *[slice(None)] * (places - 1)].size, array.dtype)
    for items in parts:
        count = len(array[items])
        inside[:count] = array[items]
        for step in steps:
            index = (..., step, *[slice(None)] * (places - 1))
            windows = np.moveaxis(view[:count][index], 0, at)
            piece = buffer[: windows.size].reshape(windows.shape)
            piece[...] = windows
            yield (items, *index), piece


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


def _by_one(rows):
    """Do the places move by one, each along an axis of its own?"""
    return [[*row[-len(rows) :]] for row in rows] == np.eye(len(rows), dtype=int).tolist()


def _correlate(kernels, array, sizes, *rows, bias=None):
    """Y[n, ..., o, i] = bias[..., o] + Σ_k kernels[..., o, k] windows[n, ..., k, i], i for the last axes.

    The windows are _windows(array, sizes, *rows). Each product is of two matrices, for which a piece of the windows at
    a time is laid out as columns [..., k, i] (im2col; Chellapilla, Puri and Simard, 2006).
    """
    places = len(rows)
    *batch, channels, taps = kernels.shape
    result = np.empty((len(array), *batch, channels, *sizes[-places:]), array.dtype)
    # For one row of kernels, the product takes no longer than the copying, and lines are copied faster.
    lines = channels == 1 and places > 1 and _by_one(rows)
    for index, columns in _pieces(array, sizes, rows, lines=lines):
        part, shape = result[index], columns.shape[-places:]
        whole = np.empty((*part.shape[:-places], *shape), part.dtype) if lines else part
        product = whole.reshape(*part.shape[:-places], math.prod(shape))
        np.matmul(kernels, columns.reshape(len(part), *batch, taps, math.prod(shape)), out=product)
        if bias is not None:
            product += bias[..., None]
        if lines:
            part[...] = whole[..., *map(slice, part.shape[-places:])]
    return result


def _tap_products(values, array, sizes, *rows):
    """Z[..., o, k] = Σ_{n,i} values[n, ..., o, i] windows[n, ..., k, i], the windows and i as in _correlate."""
    places = len(rows)
    front = values.shape[1:-places]
    taps = (*array.shape[len(front) : -places], *sizes[:-places])
    if values.shape[:-places] == (*array.shape[:-places], 1) and _by_one(rows):
        return _tap_products_lines(values, array, sizes, rows)
    total = np.zeros((*front[:-1], math.prod(taps), front[-1]), values.dtype)
    for index, columns in _pieces(array, sizes, rows, at=-places - 1):
        channels = np.moveaxis(values[index], 0, -places - 1)
        count = math.prod(columns.shape[-places - 1 :])
        total += columns.reshape(*front[:-1], math.prod(taps), count) @ channels.reshape(*front, count).mT
    return total.mT.reshape(*front, *taps)


def _tap_products_lines(values, array, sizes, rows):
    """_tap_products of one map with one other, for places that move by one: for each tap an inner product of lines."""
    places = len(rows)
    taps, shape = sizes[:-places], sizes[-places:]
    maps, values = array.reshape(-1, *array.shape[-places:]), values.reshape(-1, *shape)
    result = np.empty((len(maps), math.prod(taps)), array.dtype)
    # Several arrays of this size are at work.
    parts = _parts(len(maps), 4 * values.nbytes)
    _, inside, view = _room((parts[0].stop,), sizes, maps.shape[1:], rows, array.dtype, lines=True)
    view = _taps_first(view, 1, len(taps))
    # Between the places, there is 0.
    total = np.zeros(view.shape[len(taps) :], array.dtype)
    lines = total.reshape(len(total), math.prod(total.shape[1:]))
    for part in parts:
        count = len(maps[part])
        inside[:count] = maps[part]
        total[:count, *map(slice, shape)] = values[part]
        for number, tap in enumerate(np.ndindex(*taps)):
            result[part, number] = np.vecdot(view[tap].reshape(lines.shape), lines)[:count]
    return result.reshape(*array.shape[:-places], 1, *taps).sum(axis=0)


def _spread(kernels, values, shape, *rows, bias=None):
    """The adjoint of _correlate: Σ_o kernels[..., c, j, o] values[n, ..., o, i] is added at a + d·j + s·i.

    There is a row (a, d, s) for each of the last axes. Where s = 1, it is a correlation with the kernels turned around;
    that copies what is read for each tap j, where a loop over the taps adds up what is written, at twice the cost.
    """
    places = len(shape)
    batch = values.ndim - places - 2
    channels, *taps, summed = kernels.shape[batch:]
    if summed < 2 * channels and _by_one(rows):
        turned = [(-start, *(-step for step in steps[:-places]), *steps[-places:]) for start, *steps in rows]
        kernels = np.moveaxis(kernels, -1, batch + 1).reshape(*kernels.shape[: batch + 1], -1)
        return _correlate(kernels, values, (*taps, *shape), *turned, bias=bias)
    result = np.empty((*values.shape[: batch + 1], channels, *shape), values.dtype)
    kernels = kernels.reshape(*kernels.shape[:batch], -1, summed)
    times = np.multiply if summed == 1 else np.matmul
    parts = _parts(len(values), result.nbytes * math.prod(taps))
    front = (parts[0].stop, *result.shape[1:-places])
    total, inside, view = _room(front, (*taps, *values.shape[-places:]), shape, rows, values.dtype)
    products = np.empty(view.shape, values.dtype)
    matrices = products.reshape(*front[:-1], kernels.shape[-2], math.prod(values.shape[-places:]))
    products, view = _taps_first(products, batch + 2, len(taps)), _taps_first(view, batch + 2, len(taps))
    added = 0 if bias is None else bias.reshape(*bias.shape, *[1] * places)
    for items in parts:
        part = values[items].reshape(*values[items].shape[:-places], matrices.shape[-1])
        times(kernels, part, out=matrices[: len(part)])
        total[...] = 0
        for tap in np.ndindex(*taps):
            written = view[tap]
            written += products[tap]
        np.add(inside[: len(part)], added, out=result[items])
    return result


def _taps_first(array, first, count):
    """The array with some of its axes, the `count` from `first` on, in front of the others."""
    return np.moveaxis(array, range(first, first + count), range(count))


def asymmetric_conv1d(X, W, b, *, stride=1, dilation=1, left=0, right=0):
    """Convolution of channels in one dimension, padded with `left` zeros in front and `right` zeros behind.

    X: (..., c_in, n), W: (c_out, c_in, K), b: (c_out,) -> Y: (..., c_out, t)
    """
    return asymmetric_conv1d_fwd(X, W, b, stride=stride, dilation=dilation, left=left, right=right)[0]


def asymmetric_conv1d_fwd(X, W, b, *, stride=1, dilation=1, left=0, right=0):
    """The output Y, and what asymmetric_conv1d_bwd needs: X, W."""
    _check_option("asymmetric_conv1d", "stride", stride, 1)
    _check_option("asymmetric_conv1d", "dilation", dilation, 1)
    _check_option("asymmetric_conv1d", "left", left, 0)
    _check_option("asymmetric_conv1d", "right", right, 0)
    _check("asymmetric_conv1d", X=(X, "... c l"), W=(W, "o c k"), b=(b, "o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-2]
    c_in, n = X.shape[-2:]
    c_out = W.shape[0]
    K = W.shape[2]
    n_t = (left + n + right - dilation * (K - 1) - 1) // stride + 1
    _check_least("asymmetric_conv1d", "t", "Y", n_t)
    # Y[..., o, t] = Σ_{c,k} X[..., c, stride t + dilation k - left] W[o, c, k] + b[o]
    X_rows = X.reshape(-1, c_in, n)
    W_rows = W.reshape(c_out, -1)
    Y_rows = _correlate(W_rows, X_rows, (K, n_t), (-left, dilation, stride), bias=b)
    Y = Y_rows.reshape(*ell, c_out, n_t)
    return Y, (X, W)


def asymmetric_conv1d_bwd(residuals, dY, *, stride=1, dilation=1, left=0, right=0):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., c_out, t) -> dX: (..., c_in, n), dW: (c_out, c_in, K), db: (c_out,)
    """
    _check_option("asymmetric_conv1d_bwd", "stride", stride, 1)
    _check_option("asymmetric_conv1d_bwd", "dilation", dilation, 1)
    _check_option("asymmetric_conv1d_bwd", "left", left, 0)
    _check_option("asymmetric_conv1d_bwd", "right", right, 0)
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("asymmetric_conv1d_bwd", X=(X, "... c l"), W=(W, "o c k"), dY=(dY, "... o t"))
    ell = X.shape[:-2]
    c_in, n = X.shape[-2:]
    c_out = W.shape[0]
    K = W.shape[2]
    n_t = (left + n + right - dilation * (K - 1) - 1) // stride + 1
    _check_size("asymmetric_conv1d_bwd", "t", "dY", dY.shape[-1], n_t)
    # dX[..., c, l] = Σ_{o,t,k} dY[..., o, t] W[o, c, k] [l = stride t + dilation k - left]
    dY_rows = dY.reshape(-1, c_out, n_t)
    dX_rows = _spread(W.transpose(1, 2, 0), dY_rows, (n,), (-left, dilation, stride))
    dX = dX_rows.reshape(*ell, c_in, n)
    # dW[o, c, k] = Σ_{...,t} dY[..., o, t] X[..., c, stride t + dilation k - left]
    dW = _tap_products(dY_rows, X.reshape(-1, c_in, n), (K, n_t), (-left, dilation, stride))
    # db[o] = Σ_{...,t} dY[..., o, t]
    db = dY.sum(axis=-1).reshape(-1, c_out).sum(axis=0)
    return dX, dW, db

"""Scores of classes: convolution, rectifier and pooling, twice, then a linear layer (LeCun et al., 1998).

Each gradient is shaped like its variable: dX like X.
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


def _tap_max(windows, axes):
    """windows.max(axes), tap by tap: each comparison is of whole arrays."""
    axes = np.atleast_1d(axes)
    windows = np.moveaxis(windows, axes, range(len(axes)))
    return _largest([windows[tap] for tap in np.ndindex(*windows.shape[: len(axes)])])


def _largest(arrays):
    """The largest of several arrays, entry by entry."""
    result = arrays[0].copy()
    for array in arrays[1:]:
        np.maximum(result, array, out=result)
    return result


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


def _spread_maximum(values, array, sizes, *rows):
    """values[n, i] is added at c + d·j + s·i, where j is the first tap at which array[n, c + d·j + s·i] is largest.

    There is a row (c, d, s) for each of the last axes. What is read outside takes no part.
    """
    taps = sizes[: -len(rows)]
    result = np.empty(array.shape, values.dtype)
    # Several arrays of this size are at work.
    for items in _parts(len(array), 4 * result.nbytes):
        windows = _windows(array[items], sizes, *rows, outside=-np.inf)
        _, total, view = _room(windows.shape[:1], sizes, array.shape[1:], rows, values.dtype)
        windows, view = _taps_first(windows, 1, len(taps)), _taps_first(view, 1, len(taps))
        largest = _largest([windows[tap] for tap in np.ndindex(*taps)])
        free = np.ones(largest.shape, bool)
        for tap in np.ndindex(*taps):
            first = (windows[tap] == largest) & free
            free ^= first
            written = view[tap]
            written += _where(first, values[items], 0)
        result[items] = total
    return result


def conv2d(X, W, b, *, stride=1, padding=0, dilation=1):
    """Convolution of channels in two dimensions, one stride, padding and dilation for both (LeCun et al., 1998).

    X: (..., c_in, n_h, n_w), W: (c_out, c_in, K_h, K_w), b: (c_out,) -> Y: (..., c_out, i, j)
    """
    return conv2d_fwd(X, W, b, stride=stride, padding=padding, dilation=dilation)[0]


def conv2d_fwd(X, W, b, *, stride=1, padding=0, dilation=1):
    """The output Y, and what conv2d_bwd needs: X, W."""
    _check_option("conv2d", "stride", stride, 1)
    _check_option("conv2d", "padding", padding, 0)
    _check_option("conv2d", "dilation", dilation, 1)
    _check("conv2d", X=(X, "... c h w"), W=(W, "o c u v"), b=(b, "o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-3]
    c_in, n_h, n_w = X.shape[-3:]
    c_out = W.shape[0]
    K_h = W.shape[2]
    K_w = W.shape[3]
    n_i = (n_h + 2 * padding - dilation * (K_h - 1) - 1) // stride + 1
    n_j = (n_w + 2 * padding - dilation * (K_w - 1) - 1) // stride + 1
    _check_least("conv2d", "i", "Y", n_i)
    _check_least("conv2d", "j", "Y", n_j)
    # Y[..., o, i, j] = Σ_{c,u,v} X[..., c, stride i + dilation u - padding, stride j + dilation
    #     v - padding] W[o, c, u, v] + b[o]
    X_rows = X.reshape(-1, c_in, n_h, n_w)
    W_rows = W.reshape(c_out, -1)
    Y_rows = _correlate(
        W_rows,
        X_rows,
        (K_h, K_w, n_i, n_j),
        (-padding, dilation, 0, stride, 0),
        (-padding, 0, dilation, 0, stride),
        bias=b,
    )
    Y = Y_rows.reshape(*ell, c_out, n_i, n_j)
    return Y, (X, W)


def conv2d_bwd(residuals, dY, *, stride=1, padding=0, dilation=1):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., c_out, i, j) -> dX: (..., c_in, n_h, n_w), dW: (c_out, c_in, K_h, K_w), db: (c_out,)
    """
    _check_option("conv2d_bwd", "stride", stride, 1)
    _check_option("conv2d_bwd", "padding", padding, 0)
    _check_option("conv2d_bwd", "dilation", dilation, 1)
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("conv2d_bwd", X=(X, "... c h w"), W=(W, "o c u v"), dY=(dY, "... o i j"))
    ell = X.shape[:-3]
    c_in, n_h, n_w = X.shape[-3:]
    c_out = W.shape[0]
    K_h = W.shape[2]
    K_w = W.shape[3]
    n_i = (n_h + 2 * padding - dilation * (K_h - 1) - 1) // stride + 1
    n_j = (n_w + 2 * padding - dilation * (K_w - 1) - 1) // stride + 1
    _check_size("conv2d_bwd", "i", "dY", dY.shape[-2], n_i)
    _check_size("conv2d_bwd", "j", "dY", dY.shape[-1], n_j)
    # dX[..., c, h, w] = Σ_{o,i,j,u,v} dY[..., o, i, j] W[o, c, u, v] [h = stride i + dilation u
    #     - padding] [w = stride j + dilation v - padding]
    dY_rows = dY.reshape(-1, c_out, n_i, n_j)
    dX_rows = _spread(
        W.transpose(1, 2, 3, 0),
        dY_rows,
        (n_h, n_w),
        (-padding, dilation, 0, stride, 0),
        (-padding, 0, dilation, 0, stride),
    )
    dX = dX_rows.reshape(*ell, c_in, n_h, n_w)
    # dW[o, c, u, v] = Σ_{...,i,j} dY[..., o, i, j] X[..., c, stride i + dilation u - padding,
    #     stride j + dilation v - padding]
    X_rows = X.reshape(-1, c_in, n_h, n_w)
    dW = _tap_products(
        dY_rows, X_rows, (K_h, K_w, n_i, n_j), (-padding, dilation, 0, stride, 0), (-padding, 0, dilation, 0, stride)
    )
    # db[o] = Σ_{...,i,j} dY[..., o, i, j]
    db = dY.sum(axis=(-2, -1)).reshape(-1, c_out).sum(axis=0)
    return dX, dW, db


def cnn(X, W1, b1, W2, b2, W3, b3):
    """Scores of classes: convolution, rectifier and pooling, twice, then a linear layer (LeCun et al., 1998).

    X: (N, C, H, W), W1: (C_1, C, K_1, K_1), b1: (C_1,), W2: (C_2, C_1, K_2, K_2), b2: (C_2,), W3:
       (C_2, y, x, classes), b3: (classes,)
    -> Z: (N, classes)
    """
    return cnn_fwd(X, W1, b1, W2, b2, W3, b3)[0]


def cnn_fwd(X, W1, b1, W2, b2, W3, b3):
    """The output Z, and what cnn_bwd needs: X, W1, W2, W3, A1, P1, A2, P2."""
    _check(
        "cnn",
        X=(X, "n c h w"),
        W1=(W1, "o c u v"),
        b1=(b1, "o"),
        W2=(W2, "q o r s"),
        b2=(b2, "q"),
        W3=(W3, "q y x k"),
        b3=(b3, "k"),
    )
    X, W1, b1, W2, b2, W3, b3 = _floating(X, W1, b1, W2, b2, W3, b3)
    N = X.shape[0]
    H = X.shape[2]
    W = X.shape[3]
    K_1 = W1.shape[2]
    K_2 = W2.shape[2]
    classes = W3.shape[3]
    n_y1 = (H - K_1 + 1) // 2
    n_x1 = (W - K_1 + 1) // 2
    n_y = (n_y1 - K_2 + 1) // 2
    n_x = (n_x1 - K_2 + 1) // 2
    _check_size("cnn", "v", "W1", W1.shape[3], K_1)
    _check_size("cnn", "s", "W2", W2.shape[3], K_2)
    _check_size("cnn", "y", "W3", W3.shape[1], n_y)
    _check_size("cnn", "x", "W3", W3.shape[2], n_x)
    _check_least("cnn", "y1", "P1", n_y1)
    _check_least("cnn", "x1", "P1", n_x1)
    H1 = conv2d(X, W1, b1, stride=1, padding=0, dilation=1)
    # A1[n, o, i, j] = H1[n, o, i, j] [H1[n, o, i, j] > 0]
    A1 = np.maximum(H1, 0, out=H1)
    # P1[n, o, y1, x1] = max_{u1,v1} (A1[n, o, 2 y1 + u1, 2 x1 + v1])
    P1 = _tap_max(_windows(A1, (n_y1, n_x1, 2, 2), (0, 2, 0, 1, 0), (0, 0, 2, 0, 1)), (-2, -1))
    H2 = conv2d(P1, W2, b2, stride=1, padding=0, dilation=1)
    # A2[n, q, i1, j1] = H2[n, q, i1, j1] [H2[n, q, i1, j1] > 0]
    A2 = np.maximum(H2, 0, out=H2)
    # P2[n, q, y, x] = max_{u1,v1} (A2[n, q, 2 y + u1, 2 x + v1])
    P2 = _tap_max(_windows(A2, (n_y, n_x, 2, 2), (0, 2, 0, 1, 0), (0, 0, 2, 0, 1)), (-2, -1))
    # Z[n, k] = Σ_{q,y,x} W3[q, y, x, k] P2[n, q, y, x] + b3[k]
    Z = P2.reshape(N, -1) @ W3.reshape(-1, classes)
    Z += b3
    return Z, (X, W1, W2, W3, A1, P1, A2, P2)


def cnn_bwd(residuals, dZ):
    """The gradients dX, dW1, db1, dW2, db2, dW3, db3, given the cotangent dZ.

    dZ: (N, classes)
    -> dX: (N, C, H, W), dW1: (C_1, C, K_1, K_1), db1: (C_1,), dW2: (C_2, C_1, K_2, K_2), db2:
       (C_2,), dW3: (C_2, y, x, classes), db3: (classes,)
    """
    X, W1, W2, W3, A1, P1, A2, P2 = residuals
    dZ = np.asarray(dZ, dtype=X.dtype)
    _check("cnn_bwd", X=(X, "n c h w"), W3=(W3, "q y x k"), dZ=(dZ, "n k"))
    N = X.shape[0]
    H = X.shape[2]
    W = X.shape[3]
    C_1 = W1.shape[0]
    K_1 = W1.shape[2]
    C_2 = W2.shape[0]
    K_2 = W2.shape[2]
    classes = W3.shape[3]
    n_i = H - K_1 + 1
    n_j = W - K_1 + 1
    n_y1 = n_i // 2
    n_x1 = n_j // 2
    n_i1 = n_y1 - K_2 + 1
    n_j1 = n_x1 - K_2 + 1
    n_y = n_i1 // 2
    n_x = n_j1 // 2
    # dA2[n, q, i1, j1] = Σ_{k,y,x,u1,v1} dZ[n, k] W3[q, y, x, k] [(u1,v1) = argmax_{u2,v2}
    #     (A2[n, q, 2 y + u2, 2 x + v2])] [i1 = 2 y + u1] [j1 = 2 x + v1]
    dA2_rows = (dZ @ W3.reshape(-1, classes).T).reshape(-1, n_y, n_x)
    A2_rows = A2.reshape(-1, n_i1, n_j1)
    dA2_rows_2 = _spread_maximum(dA2_rows, A2_rows, (2, 2, n_y, n_x), (0, 1, 0, 2, 0), (0, 0, 1, 0, 2))
    dA2 = dA2_rows_2.reshape(N, C_2, n_i1, n_j1)
    # dH2[n, q, i1, j1] = dA2[n, q, i1, j1] [A2[n, q, i1, j1] > 0]
    dH2 = _where(A2 > 0, dA2, 0, out=dA2)
    dP1, dW2, db2 = conv2d_bwd((P1, W2), dH2, stride=1, padding=0, dilation=1)
    # dA1[n, o, i, j] = Σ_{y1,x1,u1,v1} dP1[n, o, y1, x1] [(u1,v1) = argmax_{u2,v2} (A1[n, o, 2
    #     y1 + u2, 2 x1 + v2])] [i = 2 y1 + u1] [j = 2 x1 + v1]
    dP1_rows = dP1.reshape(-1, n_y1, n_x1)
    A1_rows = A1.reshape(-1, n_i, n_j)
    dA1_rows = _spread_maximum(dP1_rows, A1_rows, (2, 2, n_y1, n_x1), (0, 1, 0, 2, 0), (0, 0, 1, 0, 2))
    dA1 = dA1_rows.reshape(N, C_1, n_i, n_j)
    # dH1[n, o, i, j] = dA1[n, o, i, j] [A1[n, o, i, j] > 0]
    dH1 = _where(A1 > 0, dA1, 0, out=dA1)
    dX, dW1, db1 = conv2d_bwd((X, W1), dH1, stride=1, padding=0, dilation=1)
    # dW3[q, y, x, k] = Σ_n dZ[n, k] P2[n, q, y, x]
    dW3 = (P2.reshape(N, -1).T @ dZ).reshape(C_2, n_y, n_x, classes)
    # db3[k] = Σ_n dZ[n, k]
    db3 = dZ.sum(axis=0)
    return dX, dW1, db1, dW2, db2, dW3, db3

"""Max pooling over square windows (Zhou and Chellappa, 1988).

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
What is read outside a tensor takes no part in a maximum.
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


def _check_given(function, text, holds, **values):
    """Raise a ValueError unless what sizes and options have to satisfy holds."""
    if not holds:
        given = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ValueError(f"{function}: {text} is required, but {given}.")


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


def max_pool2d(X, *, window=2, stride=2, padding=0):
    """Max pooling over square windows (Zhou and Chellappa, 1988).

    X: (..., H, W) -> Y: (..., y, x)
    """
    return max_pool2d_fwd(X, window=window, stride=stride, padding=padding)[0]


def max_pool2d_fwd(X, *, window=2, stride=2, padding=0):
    """The output Y, and what max_pool2d_bwd needs: X."""
    _check_option("max_pool2d", "window", window, 1)
    _check_option("max_pool2d", "stride", stride, 1)
    _check_option("max_pool2d", "padding", padding, 0)
    _check("max_pool2d", X=(X, "... h w"))
    (X,) = _floating(X)
    H, W = X.shape[-2:]
    n_y = (H + 2 * padding - window) // stride + 1
    n_x = (W + 2 * padding - window) // stride + 1
    _check_given("max_pool2d", "padding < window", padding < window, padding=padding, window=window)
    _check_least("max_pool2d", "y", "Y", n_y)
    _check_least("max_pool2d", "x", "Y", n_x)
    # Y[..., y, x] = max_{u,v} (X[..., stride y + u - padding, stride x + v - padding])
    X_windows = _windows(
        X, (n_y, n_x, window, window), (-padding, stride, 0, 1, 0), (-padding, 0, stride, 0, 1), outside=-np.inf
    )
    Y = _tap_max(X_windows, (-2, -1))
    return Y, (X,)


def max_pool2d_bwd(residuals, dY, *, window=2, stride=2, padding=0):
    """The gradient dX, given the cotangent dY.

    dY: (..., y, x) -> dX: (..., H, W)
    """
    _check_option("max_pool2d_bwd", "window", window, 1)
    _check_option("max_pool2d_bwd", "stride", stride, 1)
    _check_option("max_pool2d_bwd", "padding", padding, 0)
    (X,) = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("max_pool2d_bwd", X=(X, "... h w"), dY=(dY, "... y x"))
    ell = X.shape[:-2]
    H, W = X.shape[-2:]
    n_y = (H + 2 * padding - window) // stride + 1
    n_x = (W + 2 * padding - window) // stride + 1
    _check_size("max_pool2d_bwd", "y", "dY", dY.shape[-2], n_y)
    _check_size("max_pool2d_bwd", "x", "dY", dY.shape[-1], n_x)
    # dX[..., h, w] = Σ_{y,x,u,v} dY[..., y, x] [(u,v) = argmax_{u1,v1} (X[..., stride y + u1 -
    #     padding, stride x + v1 - padding])] [h = stride y + u - padding] [w = stride x + v -
    #     padding]
    dY_rows = dY.reshape(-1, n_y, n_x)
    dX_rows = _spread_maximum(
        dY_rows,
        X.reshape(-1, H, W),
        (window, window, n_y, n_x),
        (-padding, 1, 0, stride, 0),
        (-padding, 0, 1, 0, stride),
    )
    dX = dX_rows.reshape(*ell, H, W)
    return dX

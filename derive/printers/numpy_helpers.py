"""The helper functions that a generated module carries along, those that it uses. Never imported by the generator."""

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


def _sigmoid(x):
    """1 / (1 + exp(-x)); where exp overflows to inf, 1 / inf is the 0 that is wanted."""
    with np.errstate(over="ignore"):
        y = np.asarray(np.exp(-x))
    y += 1
    return np.reciprocal(y, out=y)


def _softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)): the exponential cannot overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x):
    """The error function, a block at a time: what is computed on the way stays in the cache."""
    flat = np.reshape(x, -1)
    values = np.empty_like(flat)
    for start in range(0, flat.size, 16384):
        block = flat[start : start + 16384]
        values[start : start + 16384] = _erf_block(block)
    return values.reshape(np.shape(x))


def _erf_block(x):
    """The rational approximations of W. J. Cody (1969); highest powers first."""
    a = np.minimum(np.abs(x), 7)
    above = (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947)
    below = (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062)
    near = x * (_polynomial(a * a, above) / _polynomial(a * a, below))
    above = (2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295)
    above += (298.635138197400131, 881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725)
    below = (1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858)
    below += (1621.38957456669019, 3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942)
    far = np.sign(x) * (1 - np.exp(-a * a) * _polynomial(a, above) / _polynomial(a, below))
    return _where(a < 0.46875, near, far)


def _polynomial(x, coefficients):
    """Horner's rule: the coefficients of the highest power first."""
    value = coefficients[0] * x + coefficients[1]
    for coefficient in coefficients[2:]:
        value *= x
        value += coefficient
    return value


def _check_positions(function, name, array, size):
    """An integer array, whose entries are positions along an axis of that size; ValueError where they are not."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{function}: {name} is an array of {array.dtype}, expected integers.")
    if array.size and not 0 <= array.min() <= array.max() < size:
        raise ValueError(f"{function}: {name} runs from {array.min()} to {array.max()}, expected 0 to {size - 1}.")
    return array


def _blocks(stop, block, start=0):
    """Slices of at most so many positions, one after the other, from start to stop."""
    return [slice(first, min(first + block, stop)) for first in range(start, stop, block)]


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def _add_at(rows, positions, size, behind=0, summed=None):
    """The array A with A[..., positions, :] += rows; of several rows at one position, the sum.

    The last `behind` axes of `rows` are those of a row, the `summed` before them (all of them by default) give way to
    one axis of that size.
    """
    split = rows.ndim - behind
    front, places, row = rows.shape[: split - summed] if summed else (), rows.shape[:split], rows.shape[split:]
    result = np.zeros((*front, size, *row), rows.dtype)
    width = math.prod(row)
    start = size * np.arange(math.prod(front)).reshape((*front, *(1,) * (split - len(front))))
    flat = width * np.broadcast_to(start + positions, places)[..., None] + np.arange(width)
    # Of one axis, ufunc.at is several times as fast as of rows.
    np.add.at(result.reshape(-1), flat.reshape(-1), rows.reshape(-1))
    return result


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


def _first_maximum(array, count):
    """Which entries are the first of the largest over the last axes, so many."""
    rows = array.reshape(*array.shape[: array.ndim - count], -1)
    return (np.arange(rows.shape[-1]) == rows.argmax(axis=-1)[..., None]).reshape(array.shape)


def _positions(sizes, rows):
    """The positions c + Σ step·i of each row, as arrays over the indices i."""
    grid = np.ix_(*(np.arange(size) for size in sizes))
    return [c + sum(step * i for step, i in zip(steps, grid, strict=True)) + np.zeros(sizes, int) for c, *steps in rows]


def _scatter_add(values, shape, *rows):
    """The adjoint of _windows where entries of one tap can meet: each entry is added by itself."""
    split = values.ndim - len(rows[0]) + 1
    positions = _positions(values.shape[split:], rows)
    inside = np.all([(0 <= p) & (p < n) for p, n in zip(positions, shape, strict=True)], axis=0)
    total = np.zeros((*values.shape[:split], *shape), values.dtype)
    np.add.at(total, (..., *(p[inside] for p in positions)), values[..., inside])
    return total

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
        values[start : start + 16384] = _erf_single(block) if block.dtype == np.float32 else _erf_double(block)
    return values.reshape(np.shape(x))


def _erf_single(x):
    """To single precision, by one rational function of odd degree 13 over even degree 8, as in Eigen."""
    x = np.clip(x, -4, 4)
    squared = x * x
    above = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05)
    above += (-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)
    below = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03)
    below += (-1.42647390514189e-02,)
    return x * (_polynomial(squared, above) / _polynomial(squared, below))


def _erf_double(x):
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

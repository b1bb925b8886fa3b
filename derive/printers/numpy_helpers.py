"""The helper functions that a generated module carries along, those that it uses. Never imported by the generator."""

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


def _sigmoid(x):
    """1 / (1 + exp(-x)), with exponentials that cannot overflow."""
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def _margins(shape, sizes, rows):
    """How far the positions c + Σ step·i of each row reach beyond its axis, in front and behind."""
    margins = []
    for length, (start, *steps) in zip(shape, rows, strict=True):
        reach = [step * (size - 1) for step, size in zip(steps, sizes, strict=True)]
        first = start + sum(r for r in reach if r < 0)
        last = start + sum(r for r in reach if r > 0)
        margins.append((max(0, -first), max(0, last + 1 - length)))
    return margins


def _windows(array, sizes, *rows):
    """The view V[..., i, j] = array[..., c + s·i + d·j], a row (c, s, d) for each of the last axes; 0 outside."""
    split = array.ndim - len(rows)
    margins = _margins(array.shape[split:], sizes, rows)
    if np.any(margins):
        inside = [slice(before, before + n) for (before, _), n in zip(margins, array.shape[split:], strict=True)]
        padded = [before + n + after for (before, after), n in zip(margins, array.shape[split:], strict=True)]
        array, unpadded = np.zeros((*array.shape[:split], *padded), array.dtype), array
        array[..., *inside] = unpadded
    start = [slice(c + before, None) for (c, *_), (before, _) in zip(rows, margins, strict=True)]
    steps = zip(*(steps for _, *steps in rows), strict=True)
    strides = [sum(s * step for s, step in zip(array.strides[split:], column, strict=True)) for column in steps]
    return as_strided(array[..., *start], (*array.shape[:split], *sizes), (*array.strides[:split], *strides))


def _overlap_add(values, shape, taps, *rows):
    """The adjoint of _windows: values[..., i, j] is added at c + s·i + d·j; a loop over the first of i, j: the taps."""
    split = values.ndim - len(rows[0]) + 1
    sizes = values.shape[split:]
    margins = _margins(shape, sizes, rows)
    padded = [before + n + after for (before, after), n in zip(margins, shape, strict=True)]
    total = np.zeros((*values.shape[:split], *padded), values.dtype)
    moved = [(c + before, *steps) for (c, *steps), (before, _) in zip(rows, margins, strict=True)]
    view = _windows(total, sizes, *moved)
    rest = [slice(None)] * (len(sizes) - taps)
    for tap in np.ndindex(*sizes[:taps]):
        view[..., *tap, *rest] += values[..., *tap, *rest]
    return total[..., *(slice(before, before + n) for (before, _), n in zip(margins, shape, strict=True))]


def _positions(sizes, rows):
    """The positions c + Σ step·i of each row, as arrays over the indices i."""
    grid = np.ix_(*(np.arange(size) for size in sizes))
    return [c + sum(step * i for step, i in zip(steps, grid, strict=True)) + np.zeros(sizes, int) for c, *steps in rows]


def _inside(array, sizes, *rows):
    """Which entries of _windows lie inside the array."""
    lengths = array.shape[array.ndim - len(rows) :]
    return np.all([(0 <= p) & (p < n) for p, n in zip(_positions(sizes, rows), lengths, strict=True)], axis=0)


def _scatter_add(values, shape, *rows):
    """The adjoint of _windows where entries of one tap can meet: each entry is added by itself."""
    split = values.ndim - len(rows[0]) + 1
    positions = _positions(values.shape[split:], rows)
    inside = np.all([(0 <= p) & (p < n) for p, n in zip(positions, shape, strict=True)], axis=0)
    total = np.zeros((*values.shape[:split], *shape), values.dtype)
    np.add.at(total, (..., *(p[inside] for p in positions)), values[..., inside])
    return total

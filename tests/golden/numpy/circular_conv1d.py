"""Circular convolution y[t] = Σ_k w[k] x[(t - k) mod n], of a kernel with at most n taps (Gray, 2006).

y = C x with the circulant matrix C[t, j] = w[(t - j) mod n]. The discrete Fourier transform F diagonalises every
circulant matrix, C = F⁻¹ diag(F w) F for w filled up with zeros, so that F y = F w ⊙ F x. z is x with its last
K - 1 entries once more in front: a sum of two shifted reads, of which one is outside x and 0.

Each gradient is shaped like its variable: dx like x.
Convolution is that of mathematics: the kernel runs backwards over the data; what is read outside a tensor is 0.
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


def circular_conv1d(x, w):
    """Circular convolution y[t] = Σ_k w[k] x[(t - k) mod n], of a kernel with at most n taps (Gray, 2006).

    x: (n,), w: (K,) -> y: (n,)
    """
    return circular_conv1d_fwd(x, w)[0]


def circular_conv1d_fwd(x, w):
    """The output y, and what circular_conv1d_bwd needs: w, z."""
    _check("circular_conv1d", x=(x, "j"), w=(w, "k"))
    x, w = _floating(x, w)
    n = x.shape[0]
    K = w.shape[0]
    n_m = K + n - 1
    _check_given("circular_conv1d", "K <= n", K <= n, K=K, n=n)
    _check_least("circular_conv1d", "m", "z", n_m)
    # z[m] = x[m + 1 - K] + x[m + n + 1 - K]
    z = _windows(x, (n_m,), (1 - K, 1)) + _windows(x, (n_m,), (n - K + 1, 1))
    # y[t] = Σ_k w[k] z[t + K - k - 1]
    y = np.einsum("tk,k->t", _windows(z, (n, K), (K - 1, 1, -1)), w)
    return y, (w, z)


def circular_conv1d_bwd(residuals, dy):
    """The gradients dx, dw, given the cotangent dy.

    dy: (n,) -> dx: (n,), dw: (K,)
    """
    w, z = residuals
    dy = np.asarray(dy, dtype=w.dtype)
    _check("circular_conv1d_bwd", dy=(dy, "t"))
    K = w.shape[0]
    n_m = z.shape[0]
    n = n_m - K + 1
    _check_size("circular_conv1d_bwd", "t", "dy", dy.shape[0], n)
    # dz[m] = Σ_k dy[m + k + 1 - K] w[k]
    dz = np.einsum("mk,k->m", _windows(dy, (n_m, K), (1 - K, 1, 1)), w)
    # dx[j] = dz[j + K - 1] + dz[j + K - n - 1]
    dx = _windows(dz, (n,), (K - 1, 1)) + _windows(dz, (n,), (K - n - 1, 1))
    # dw[k] = Σ_t dy[t] z[t + K - k - 1]
    dw = np.einsum("t,tk->k", dy, _windows(z, (n, K), (K - 1, 1, -1)))
    return dx, dw

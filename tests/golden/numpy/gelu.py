"""Gaussian error linear unit Y = X Φ(X), Φ the normal distribution function (Hendrycks and Gimpel, 2016).

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
"""

import math

import numpy as np


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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def gelu(X):
    """Gaussian error linear unit Y = X Φ(X), Φ the normal distribution function (Hendrycks and Gimpel, 2016).

    X: (...,) -> Y: (...,)
    """
    return gelu_fwd(X)[0]


def gelu_fwd(X):
    """The output Y, and what gelu_bwd needs: X, Phi."""
    _check("gelu", X=(X, "..."))
    (X,) = _floating(X)
    ell = X.shape
    Phi = np.empty(ell, X.dtype)
    Y = np.empty(ell, X.dtype)
    for at in _portions(ell, 1):
        # Phi[...] = (1/2) erf(X[...] / √2) + (1/2)
        np.add(0.5 * _erf(X[at] / math.sqrt(2)), 0.5, out=Phi[at])
        # Y[...] = X[...] Phi[...]
        np.multiply(Phi[at], X[at], out=Y[at])
    return Y, (X, Phi)


def gelu_bwd(residuals, dY):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (...,)
    """
    X, Phi = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("gelu_bwd", X=(X, "..."), dY=(dY, "..."))
    ell = X.shape
    dX = np.empty(ell, X.dtype)
    for at in _portions(ell, 1):
        # dX[...] = dY[...] (X[...] exp(-(1/2) X[...]²) / √(2 pi) + Phi[...])
        np.multiply(dY[at], X[at] * np.exp(-0.5 * X[at] ** 2) / math.sqrt(2 * math.pi) + Phi[at], out=dX[at])
    return dX

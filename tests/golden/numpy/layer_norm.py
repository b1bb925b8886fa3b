"""Layer normalization: each row to mean 0 and variance 1, then scaled and shifted (Ba, Kiros and Hinton, 2016).

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def layer_norm(X, gamma, beta, *, eps=1e-05):
    """Layer normalization: each row to mean 0 and variance 1, then scaled and shifted (Ba, Kiros and Hinton, 2016).

    X: (..., d), gamma: (d,), beta: (d,) -> Y: (..., d)
    """
    return layer_norm_fwd(X, gamma, beta, eps=eps)[0]


def layer_norm_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what layer_norm_bwd needs: X, gamma, mu, r."""
    eps = float(eps)
    _check("layer_norm", X=(X, "... j"), gamma=(gamma, "j"), beta=(beta, "j"))
    X, gamma, beta = _floating(X, gamma, beta)
    ell = X.shape[:-1]
    d = X.shape[-1]
    mu = np.empty(ell, X.dtype)
    r = np.empty(ell, X.dtype)
    Y = np.empty((*ell, d), X.dtype)
    for at in _portions(ell, d):
        # mu[...] = Σ_j X[..., j] / d
        np.divide(X[at].sum(axis=-1), d, out=mu[at])
        # var[...] = Σ_j (X[..., j] - mu[...])² / d
        xhat = X[at] - mu[at][..., None]
        var = np.einsum("...j,...j->...", xhat, xhat) / d
        # r[...] = 1 / √(var[...] + eps)
        np.divide(1, np.sqrt(var + eps), out=r[at])
        # xhat[..., j] = r[...] (X[..., j] - mu[...])
        xhat *= r[at][..., None]
        # Y[..., j] = gamma[j] xhat[..., j] + beta[j]
        np.multiply(gamma, xhat, out=Y[at])
        Y[at] += beta
    return Y, (X, gamma, mu, r)


def layer_norm_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (..., d) -> dX: (..., d), dgamma: (d,), dbeta: (d,)
    """
    X, gamma, mu, r = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("layer_norm_bwd", X=(X, "... j"), dY=(dY, "... j"))
    ell = mu.shape
    d = X.shape[-1]
    dX = np.empty((*ell, d), X.dtype)
    dgamma = np.zeros((d,), X.dtype)
    dbeta = np.zeros((d,), X.dtype)
    for at in _portions(ell, d):
        # xhat[..., j] = r[...] (X[..., j] - mu[...])
        xhat = X[at] - mu[at][..., None]
        xhat *= r[at][..., None]
        # dxhat[..., j] = dY[..., j] gamma[j]
        dxhat = dY[at] * gamma
        # dX[..., j] = r[...] (dxhat[..., j] - xhat[..., j] Σ_j1 xhat[..., j1] dxhat[..., j1] /
        #     d - Σ_j1 dxhat[..., j1] / d)
        np.multiply(xhat, (np.einsum("...a,...a->...", dxhat, xhat) / d)[..., None], out=dX[at])
        np.subtract(dxhat, dX[at], out=dX[at])
        dX[at] -= (dxhat.sum(axis=-1) / d)[..., None]
        dX[at] *= r[at][..., None]
        # dgamma[j] = Σ_... dY[..., j] xhat[..., j]
        dgamma += np.einsum("aj,aj->j", dY[at].reshape(-1, d), xhat.reshape(-1, d))
        # dbeta[j] = Σ_... dY[..., j]
        dbeta += dY[at].reshape(-1, d).sum(axis=0)
    return dX, dgamma, dbeta

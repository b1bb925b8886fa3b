"""Instance normalization of each channel over its places (Ulyanov, Vedaldi and Lempitsky, 2016).

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


def instance_norm(X, gamma, beta, *, eps=1e-05):
    """Instance normalization of each channel over its places (Ulyanov, Vedaldi and Lempitsky, 2016).

    X: (..., C, H, W), gamma: (C,), beta: (C,) -> Y: (..., C, H, W)
    """
    return instance_norm_fwd(X, gamma, beta, eps=eps)[0]


def instance_norm_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what instance_norm_bwd needs: X, gamma, mu, r."""
    eps = float(eps)
    _check("instance_norm", X=(X, "... c h w"), gamma=(gamma, "c"), beta=(beta, "c"))
    X, gamma, beta = _floating(X, gamma, beta)
    ell = X.shape[:-3]
    C, H, W = X.shape[-3:]
    mu = np.empty((*ell, C), X.dtype)
    r = np.empty((*ell, C), X.dtype)
    Y = np.empty((*ell, C, H, W), X.dtype)
    for at in _portions(ell, C * H * W):
        # mu[..., c] = Σ_{h,w} X[..., c, h, w] / (H W)
        np.divide(X[at].sum(axis=(-2, -1)), H * W, out=mu[at])
        # var[..., c] = Σ_{h,w} (X[..., c, h, w] - mu[..., c])² / (H W)
        xhat = X[at] - mu[at][..., None, None]
        var = np.einsum("...chw,...chw->...c", xhat, xhat) / (H * W)
        # r[..., c] = 1 / √(var[..., c] + eps)
        np.divide(1, np.sqrt(var + eps), out=r[at])
        # xhat[..., c, h, w] = r[..., c] (X[..., c, h, w] - mu[..., c])
        xhat *= r[at][..., None, None]
        # Y[..., c, h, w] = gamma[c] xhat[..., c, h, w] + beta[c]
        np.multiply(gamma[:, None, None], xhat, out=Y[at])
        Y[at] += beta[:, None, None]
    return Y, (X, gamma, mu, r)


def instance_norm_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (..., C, H, W) -> dX: (..., C, H, W), dgamma: (C,), dbeta: (C,)
    """
    X, gamma, mu, r = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("instance_norm_bwd", X=(X, "... c h w"), dY=(dY, "... c h w"))
    ell = X.shape[:-3]
    C, H, W = X.shape[-3:]
    dX = np.empty((*ell, C, H, W), X.dtype)
    dgamma = np.zeros((C,), X.dtype)
    dbeta = np.zeros((C,), X.dtype)
    for at in _portions(ell, C * H * W):
        # xhat[..., c, h, w] = r[..., c] (X[..., c, h, w] - mu[..., c])
        xhat = X[at] - mu[at][..., None, None]
        xhat *= r[at][..., None, None]
        # dxhat[..., c, h, w] = dY[..., c, h, w] gamma[c]
        dxhat = dY[at] * gamma[:, None, None]
        # dX[..., c, h, w] = r[..., c] (dxhat[..., c, h, w] - xhat[..., c, h, w] Σ_{h1,w1}
        #     xhat[..., c, h1, w1] dxhat[..., c, h1, w1] / (H W) - Σ_{h1,w1} dxhat[..., c, h1, w1] /
        #     (H W))
        np.multiply(xhat, (np.einsum("...cab,...cab->...c", dxhat, xhat) / (H * W))[..., None, None], out=dX[at])
        np.subtract(dxhat, dX[at], out=dX[at])
        dX[at] -= (dxhat.sum(axis=(-2, -1)) / (H * W))[..., None, None]
        dX[at] *= r[at][..., None, None]
        # dgamma[c] = Σ_{...,h,w} dY[..., c, h, w] xhat[..., c, h, w]
        dgamma += np.einsum("achw,achw->c", dY[at].reshape(-1, C, H, W), xhat.reshape(-1, C, H, W))
        # dbeta[c] = Σ_{...,h,w} dY[..., c, h, w]
        dbeta += dY[at].sum(axis=(-2, -1)).reshape(-1, C).sum(axis=0)
    return dX, dgamma, dbeta

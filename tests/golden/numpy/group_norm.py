"""Group normalization over the channels of a group and all places, channel (g, c) (Wu and He, 2018).

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


def group_norm(X, gamma, beta, *, eps=1e-05):
    """Group normalization over the channels of a group and all places, channel (g, c) (Wu and He, 2018).

    X: (..., groups, C, H, W), gamma: (groups, C), beta: (groups, C) -> Y: (..., groups, C, H, W)
    """
    return group_norm_fwd(X, gamma, beta, eps=eps)[0]


def group_norm_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what group_norm_bwd needs: X, gamma, mu, r."""
    eps = float(eps)
    _check("group_norm", X=(X, "... g c h w"), gamma=(gamma, "g c"), beta=(beta, "g c"))
    X, gamma, beta = _floating(X, gamma, beta)
    ell = X.shape[:-4]
    groups, C, H, W = X.shape[-4:]
    mu = np.empty((*ell, groups), X.dtype)
    r = np.empty((*ell, groups), X.dtype)
    Y = np.empty((*ell, groups, C, H, W), X.dtype)
    for at in _portions(ell, groups * C * H * W):
        # mu[..., g] = Σ_{c,h,w} X[..., g, c, h, w] / (C H W)
        np.divide(X[at].sum(axis=(-3, -2, -1)), C * H * W, out=mu[at])
        # var[..., g] = Σ_{c,h,w} (X[..., g, c, h, w] - mu[..., g])² / (C H W)
        xhat = X[at] - mu[at][..., None, None, None]
        var = np.einsum("...gchw,...gchw->...g", xhat, xhat) / (C * H * W)
        # r[..., g] = 1 / √(var[..., g] + eps)
        np.divide(1, np.sqrt(var + eps), out=r[at])
        # xhat[..., g, c, h, w] = r[..., g] (X[..., g, c, h, w] - mu[..., g])
        xhat *= r[at][..., None, None, None]
        # Y[..., g, c, h, w] = gamma[g, c] xhat[..., g, c, h, w] + beta[g, c]
        np.multiply(gamma[:, :, None, None], xhat, out=Y[at])
        Y[at] += beta[:, :, None, None]
    return Y, (X, gamma, mu, r)


def group_norm_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (..., groups, C, H, W)
    -> dX: (..., groups, C, H, W), dgamma: (groups, C), dbeta: (groups, C)
    """
    X, gamma, mu, r = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("group_norm_bwd", X=(X, "... g c h w"), dY=(dY, "... g c h w"))
    ell = X.shape[:-4]
    groups, C, H, W = X.shape[-4:]
    dX = np.empty((*ell, groups, C, H, W), X.dtype)
    dgamma = np.zeros((groups, C), X.dtype)
    dbeta = np.zeros((groups, C), X.dtype)
    for at in _portions(ell, groups * C * H * W):
        # xhat[..., g, c, h, w] = r[..., g] (X[..., g, c, h, w] - mu[..., g])
        xhat = X[at] - mu[at][..., None, None, None]
        xhat *= r[at][..., None, None, None]
        # dxhat[..., g, c, h, w] = dY[..., g, c, h, w] gamma[g, c]
        dxhat = dY[at] * gamma[:, :, None, None]
        # dX[..., g, c, h, w] = r[..., g] (dxhat[..., g, c, h, w] - xhat[..., g, c, h, w]
        #     Σ_{c1,h1,w1} xhat[..., g, c1, h1, w1] dxhat[..., g, c1, h1, w1] / (C H W) -
        #     Σ_{c1,h1,w1} dxhat[..., g, c1, h1, w1] / (C H W))
        dX_part = np.einsum("...gabc,...gabc->...g", dxhat, xhat) / (C * H * W)
        np.multiply(xhat, dX_part[..., None, None, None], out=dX[at])
        np.subtract(dxhat, dX[at], out=dX[at])
        dX[at] -= (dxhat.sum(axis=(-3, -2, -1)) / (C * H * W))[..., None, None, None]
        dX[at] *= r[at][..., None, None, None]
        # dgamma[g, c] = Σ_{...,h,w} dY[..., g, c, h, w] xhat[..., g, c, h, w]
        dgamma_part = dY[at].reshape(-1, groups, C, H, W)
        dgamma += np.einsum("agchw,agchw->gc", dgamma_part, xhat.reshape(-1, groups, C, H, W))
        # dbeta[g, c] = Σ_{...,h,w} dY[..., g, c, h, w]
        dbeta += dY[at].sum(axis=(-2, -1)).reshape(-1, groups, C).sum(axis=0)
    return dX, dgamma, dbeta

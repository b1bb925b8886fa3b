"""Group normalization over the channels of a group and all places, channel (g, c) (Wu and He, 2018).

Each gradient is shaped like its variable: dX like X.
... stands for any number of leading axes.
"""

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


def group_norm(X, gamma, beta, *, eps=1e-05):
    """Group normalization over the channels of a group and all places, channel (g, c) (Wu and He, 2018).

    X: (..., groups, C, H, W), gamma: (groups, C), beta: (groups, C) -> Y: (..., groups, C, H, W)
    """
    return group_norm_fwd(X, gamma, beta, eps=eps)[0]


def group_norm_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what group_norm_bwd needs: gamma, r, xhat."""
    eps = float(eps)
    _check("group_norm", X=(X, "... g c h w"), gamma=(gamma, "g c"), beta=(beta, "g c"))
    X, gamma, beta = _floating(X, gamma, beta)
    C, H, W = X.shape[-3:]
    # mu[..., g] = Σ_{c,h,w} X[..., g, c, h, w] / (C H W)
    mu = X.sum(axis=(-3, -2, -1)) / (C * H * W)
    # var[..., g] = Σ_{c,h,w} (X[..., g, c, h, w] - mu[..., g])² / (C H W)
    xhat = X - mu[..., None, None, None]
    var = np.einsum("...gchw,...gchw->...g", xhat, xhat) / (C * H * W)
    # r[..., g] = 1 / √(var[..., g] + eps)
    r = 1 / np.sqrt(var + eps)
    # xhat[..., g, c, h, w] = r[..., g] (X[..., g, c, h, w] - mu[..., g])
    xhat *= r[..., None, None, None]
    # Y[..., g, c, h, w] = gamma[g, c] xhat[..., g, c, h, w] + beta[g, c]
    Y = gamma[:, :, None, None] * xhat
    Y += beta[:, :, None, None]
    return Y, (gamma, r, xhat)


def group_norm_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (..., groups, C, H, W)
    -> dX: (..., groups, C, H, W), dgamma: (groups, C), dbeta: (groups, C)
    """
    gamma, r, xhat = residuals
    dY = np.asarray(dY, dtype=gamma.dtype)
    _check("group_norm_bwd", xhat=(xhat, "... g c h w"), dY=(dY, "... g c h w"))
    groups, C = gamma.shape
    H, W = xhat.shape[-2:]
    # dxhat[..., g, c, h, w] = dY[..., g, c, h, w] gamma[g, c]
    dxhat = dY * gamma[:, :, None, None]
    # dX[..., g, c, h, w] = r[..., g] (dxhat[..., g, c, h, w] - xhat[..., g, c, h, w]
    #     Σ_{c1,h1,w1} xhat[..., g, c1, h1, w1] dxhat[..., g, c1, h1, w1] / (C H W) - Σ_{c1,h1,w1}
    #     dxhat[..., g, c1, h1, w1] / (C H W))
    dX_part = np.einsum("...gabc,...gabc->...g", dxhat, xhat) / (C * H * W)
    dX = xhat * dX_part[..., None, None, None]
    np.subtract(dxhat, dX, out=dX)
    dX -= (dxhat.sum(axis=(-3, -2, -1)) / (C * H * W))[..., None, None, None]
    dX *= r[..., None, None, None]
    # dgamma[g, c] = Σ_{...,h,w} dY[..., g, c, h, w] xhat[..., g, c, h, w]
    xhat_rows = xhat.reshape(-1, groups, C, H, W)
    dgamma = np.einsum("agchw,agchw->gc", dY.reshape(-1, groups, C, H, W), xhat_rows)
    # dbeta[g, c] = Σ_{...,h,w} dY[..., g, c, h, w]
    dbeta = dY.sum(axis=(-2, -1)).reshape(-1, groups, C).sum(axis=0)
    return dX, dgamma, dbeta

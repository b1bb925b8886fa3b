"""Batch normalization of each channel over the batch and all places (Ioffe and Szegedy, 2015).

Each gradient is shaped like its variable: dX like X.
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


def batch_norm2d(X, gamma, beta, *, eps=1e-05):
    """Batch normalization of each channel over the batch and all places (Ioffe and Szegedy, 2015).

    X: (N, C, H, W), gamma: (C,), beta: (C,) -> Y: (N, C, H, W)
    """
    return batch_norm2d_fwd(X, gamma, beta, eps=eps)[0]


def batch_norm2d_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what batch_norm2d_bwd needs: gamma, r, xhat."""
    eps = float(eps)
    _check("batch_norm2d", X=(X, "n c h w"), gamma=(gamma, "c"), beta=(beta, "c"))
    X, gamma, beta = _floating(X, gamma, beta)
    N = X.shape[0]
    H = X.shape[2]
    W = X.shape[3]
    # mu[c] = Σ_{n,h,w} X[n, c, h, w] / (H N W)
    mu = X.sum(axis=(0, 2, 3)) / (H * N * W)
    # var[c] = Σ_{n,h,w} (X[n, c, h, w] - mu[c])² / (H N W)
    xhat = X - mu[:, None, None]
    var = np.einsum("nchw,nchw->c", xhat, xhat) / (H * N * W)
    # r[c] = 1 / √(var[c] + eps)
    r = 1 / np.sqrt(var + eps)
    # xhat[n, c, h, w] = r[c] (X[n, c, h, w] - mu[c])
    xhat *= r[:, None, None]
    # Y[n, c, h, w] = gamma[c] xhat[n, c, h, w] + beta[c]
    Y = gamma[:, None, None] * xhat
    Y += beta[:, None, None]
    return Y, (gamma, r, xhat)


def batch_norm2d_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (N, C, H, W) -> dX: (N, C, H, W), dgamma: (C,), dbeta: (C,)
    """
    gamma, r, xhat = residuals
    dY = np.asarray(dY, dtype=gamma.dtype)
    _check("batch_norm2d_bwd", xhat=(xhat, "n c h w"), dY=(dY, "n c h w"))
    N = xhat.shape[0]
    H = xhat.shape[2]
    W = xhat.shape[3]
    # dxhat[n, c, h, w] = dY[n, c, h, w] gamma[c]
    dxhat = dY * gamma[:, None, None]
    # dX[n, c, h, w] = r[c] (dxhat[n, c, h, w] - xhat[n, c, h, w] Σ_{n1,h1,w1} xhat[n1, c, h1,
    #     w1] dxhat[n1, c, h1, w1] / (H N W) - Σ_{n1,h1,w1} dxhat[n1, c, h1, w1] / (H N W))
    dX = xhat * (np.einsum("acbd,acbd->c", dxhat, xhat) / (H * N * W))[:, None, None]
    np.subtract(dxhat, dX, out=dX)
    dX -= (dxhat.sum(axis=(0, 2, 3)) / (H * N * W))[:, None, None]
    dX *= r[:, None, None]
    # dgamma[c] = Σ_{n,h,w} dY[n, c, h, w] xhat[n, c, h, w]
    dgamma = np.einsum("nchw,nchw->c", dY, xhat)
    # dbeta[c] = Σ_{n,h,w} dY[n, c, h, w]
    dbeta = dY.sum(axis=(0, 2, 3))
    return dX, dgamma, dbeta

"""Batch normalization of each feature over all leading axes, then scaled and shifted (Ioffe and Szegedy, 2015).

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


def batch_norm(X, gamma, beta, *, eps=1e-05):
    """Batch normalization of each feature over all leading axes, then scaled and shifted (Ioffe and Szegedy, 2015).

    X: (..., d), gamma: (d,), beta: (d,) -> Y: (..., d)
    """
    return batch_norm_fwd(X, gamma, beta, eps=eps)[0]


def batch_norm_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what batch_norm_bwd needs: gamma, r, xhat."""
    eps = float(eps)
    _check("batch_norm", X=(X, "... j"), gamma=(gamma, "j"), beta=(beta, "j"))
    X, gamma, beta = _floating(X, gamma, beta)
    ell = X.shape[:-1]
    d = X.shape[-1]
    # mu[j] = Σ_... X[..., j] / |...|
    mu = X.reshape(-1, d).sum(axis=0) / math.prod(ell)
    # var[j] = Σ_... (X[..., j] - mu[j])² / |...|
    xhat = X - mu
    var = np.einsum("aj,aj->j", xhat.reshape(-1, d), xhat.reshape(-1, d)) / math.prod(ell)
    # r[j] = 1 / √(var[j] + eps)
    r = 1 / np.sqrt(var + eps)
    # xhat[..., j] = r[j] (X[..., j] - mu[j])
    xhat *= r
    # Y[..., j] = gamma[j] xhat[..., j] + beta[j]
    Y = gamma * xhat
    Y += beta
    return Y, (gamma, r, xhat)


def batch_norm_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (..., d) -> dX: (..., d), dgamma: (d,), dbeta: (d,)
    """
    gamma, r, xhat = residuals
    dY = np.asarray(dY, dtype=gamma.dtype)
    _check("batch_norm_bwd", xhat=(xhat, "... j"), dY=(dY, "... j"))
    ell = xhat.shape[:-1]
    d = gamma.shape[0]
    # dxhat[..., j] = dY[..., j] gamma[j]
    dxhat = dY * gamma
    # dX[..., j] = r[j] (dxhat[..., j] - xhat[..., j] Σ_...' xhat[...', j] dxhat[...', j] /
    #     |...| - Σ_...' dxhat[...', j] / |...|)
    dX = xhat * (np.einsum("aj,aj->j", dxhat.reshape(-1, d), xhat.reshape(-1, d)) / math.prod(ell))
    np.subtract(dxhat, dX, out=dX)
    dX -= dxhat.reshape(-1, d).sum(axis=0) / math.prod(ell)
    dX *= r
    # dgamma[j] = Σ_... dY[..., j] xhat[..., j]
    dgamma = np.einsum("aj,aj->j", dY.reshape(-1, d), xhat.reshape(-1, d))
    # dbeta[j] = Σ_... dY[..., j]
    dbeta = dY.reshape(-1, d).sum(axis=0)
    return dX, dgamma, dbeta

"""Mean over height and width: one number for each channel (Lin, Chen and Yan, 2014).

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


def global_avg_pool(X):
    """Mean over height and width: one number for each channel (Lin, Chen and Yan, 2014).

    X: (..., n_h, n_w) -> Y: (...,)
    """
    return global_avg_pool_fwd(X)[0]


def global_avg_pool_fwd(X):
    """The output Y, and what global_avg_pool_bwd needs: X."""
    _check("global_avg_pool", X=(X, "... h w"))
    (X,) = _floating(X)
    n_h, n_w = X.shape[-2:]
    # Y[...] = Σ_{h,w} X[..., h, w] / (n_h n_w)
    Y = X.sum(axis=(-2, -1)) / (n_h * n_w)
    return Y, (X,)


def global_avg_pool_bwd(residuals, dY):
    """The gradient dX, given the cotangent dY.

    dY: (...,) -> dX: (..., n_h, n_w)
    """
    (X,) = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("global_avg_pool_bwd", X=(X, "... h w"), dY=(dY, "..."))
    ell = dY.shape
    n_h, n_w = X.shape[-2:]
    # dX[..., h, w] = dY[...] / (n_h n_w)
    dX = np.broadcast_to((dY / (n_h * n_w))[..., None, None], (*ell, n_h, n_w)).copy()
    return dX

"""Convolution with a kernel of one tap: a linear map of the channels at each place (Lin, Chen and Yan, 2014).

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


def pointwise_conv2d(X, W, b):
    """Convolution with a kernel of one tap: a linear map of the channels at each place (Lin, Chen and Yan, 2014).

    X: (..., c_in, n_h, n_w), W: (c_out, c_in), b: (c_out,) -> Y: (..., c_out, n_h, n_w)
    """
    return pointwise_conv2d_fwd(X, W, b)[0]


def pointwise_conv2d_fwd(X, W, b):
    """The output Y, and what pointwise_conv2d_bwd needs: X, W."""
    _check("pointwise_conv2d", X=(X, "... c h w"), W=(W, "o c"), b=(b, "o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-3]
    c_in, n_h, n_w = X.shape[-3:]
    c_out = W.shape[0]
    # Y[..., o, h, w] = Σ_c X[..., c, h, w] W[o, c] + b[o]
    Y = (W @ X.reshape(*ell, c_in, n_h * n_w)).reshape(*ell, c_out, n_h, n_w)
    Y += b[:, None, None]
    return Y, (X, W)


def pointwise_conv2d_bwd(residuals, dY):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., c_out, n_h, n_w) -> dX: (..., c_in, n_h, n_w), dW: (c_out, c_in), db: (c_out,)
    """
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("pointwise_conv2d_bwd", X=(X, "... c h w"), W=(W, "o c"), dY=(dY, "... o h w"))
    ell = X.shape[:-3]
    c_in, n_h, n_w = X.shape[-3:]
    c_out = W.shape[0]
    # dX[..., c, h, w] = Σ_o dY[..., o, h, w] W[o, c]
    dX = (W.T @ dY.reshape(*ell, c_out, n_h * n_w)).reshape(*ell, c_in, n_h, n_w)
    # dW[o, c] = Σ_{...,h,w} dY[..., o, h, w] X[..., c, h, w]
    dY_rows = dY.reshape(-1, c_out, n_h, n_w).transpose(1, 0, 2, 3).reshape(c_out, -1)
    dW = dY_rows @ X.reshape(-1, c_in, n_h, n_w).transpose(1, 0, 2, 3).reshape(c_in, -1).T
    # db[o] = Σ_{...,h,w} dY[..., o, h, w]
    db = dY.sum(axis=(-2, -1)).reshape(-1, c_out).sum(axis=0)
    return dX, dW, db

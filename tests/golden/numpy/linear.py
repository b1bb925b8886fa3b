"""Linear layer Y = XW + 1bᵀ over any leading axes (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).

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


def linear(X, W, b):
    """Linear layer Y = XW + 1bᵀ over any leading axes (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).

    X: (..., d_in), W: (d_in, d_out), b: (d_out,) -> Y: (..., d_out)
    """
    return linear_fwd(X, W, b)[0]


def linear_fwd(X, W, b):
    """The output Y, and what linear_bwd needs: X, W."""
    _check("linear", X=(X, "... i"), W=(W, "i o"), b=(b, "o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-1]
    d_in = X.shape[-1]
    d_out = W.shape[1]
    # Y[..., o] = Σ_i X[..., i] W[i, o] + b[o]
    Y = (X.reshape(-1, d_in) @ W).reshape(*ell, d_out)
    Y += b
    return Y, (X, W)


def linear_bwd(residuals, dY):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., d_out) -> dX: (..., d_in), dW: (d_in, d_out), db: (d_out,)
    """
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("linear_bwd", X=(X, "... i"), W=(W, "i o"), dY=(dY, "... o"))
    ell = X.shape[:-1]
    d_in = X.shape[-1]
    d_out = W.shape[1]
    # dX[..., i] = Σ_o dY[..., o] W[i, o]
    dX = (dY.reshape(-1, d_out) @ W.T).reshape(*ell, d_in)
    # dW[i, o] = Σ_... dY[..., o] X[..., i]
    dW = X.reshape(-1, d_in).T @ dY.reshape(-1, d_out)
    # db[o] = Σ_... dY[..., o]
    db = dY.reshape(-1, d_out).sum(axis=0)
    return dX, dW, db

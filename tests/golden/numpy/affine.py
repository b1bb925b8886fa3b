"""Affine map y = W x + b of one vector (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).

Each gradient is shaped like its variable: dx like x.
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


def affine(x, W, b):
    """Affine map y = W x + b of one vector (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).

    x: (d_in,), W: (d_out, d_in), b: (d_out,) -> y: (d_out,)
    """
    return affine_fwd(x, W, b)[0]


def affine_fwd(x, W, b):
    """The output y, and what affine_bwd needs: x, W."""
    _check("affine", x=(x, "i"), W=(W, "o i"), b=(b, "o"))
    x, W, b = _floating(x, W, b)
    # y[o] = Σ_i x[i] W[o, i] + b[o]
    y = W @ x + b
    return y, (x, W)


def affine_bwd(residuals, dy):
    """The gradients dx, dW, db, given the cotangent dy.

    dy: (d_out,) -> dx: (d_in,), dW: (d_out, d_in), db: (d_out,)
    """
    x, W = residuals
    dy = np.asarray(dy, dtype=x.dtype)
    _check("affine_bwd", W=(W, "o i"), dy=(dy, "o"))
    # dx[i] = Σ_o dy[o] W[o, i]
    dx = dy @ W
    # dW[o, i] = dy[o] x[i]
    dW = dy[:, None] * x
    # db[o] = dy[o]
    db = dy.copy()
    return dx, dW, db

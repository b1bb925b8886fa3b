"""Bilinear map y[o] = xᵀ A[o] z over any leading axes (Socher et al., 2013, Neural Tensor Networks).

Each gradient is shaped like its variable: dx like x.
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


def bilinear(x, A, z):
    """Bilinear map y[o] = xᵀ A[o] z over any leading axes (Socher et al., 2013, Neural Tensor Networks).

    x: (..., n), A: (d_out, n, m), z: (..., m) -> y: (..., d_out)
    """
    return bilinear_fwd(x, A, z)[0]


def bilinear_fwd(x, A, z):
    """The output y, and what bilinear_bwd needs: x, A, z."""
    _check("bilinear", x=(x, "... i"), A=(A, "o i j"), z=(z, "... j"))
    x, A, z = _floating(x, A, z)
    ell = x.shape[:-1]
    n = x.shape[-1]
    d_out = A.shape[0]
    m = A.shape[2]
    # y[..., o] = Σ_{i,j} x[..., i] A[o, i, j] z[..., j]
    y_matrix = (x[..., None] * z[..., None, :]).reshape(-1, n * m) @ A.reshape(d_out, -1).T
    y = y_matrix.reshape(*ell, d_out)
    return y, (x, A, z)


def bilinear_bwd(residuals, dy):
    """The gradients dx, dA, dz, given the cotangent dy.

    dy: (..., d_out) -> dx: (..., n), dA: (d_out, n, m), dz: (..., m)
    """
    x, A, z = residuals
    dy = np.asarray(dy, dtype=x.dtype)
    _check("bilinear_bwd", x=(x, "... i"), A=(A, "o i j"), dy=(dy, "... o"))
    ell = x.shape[:-1]
    n = x.shape[-1]
    d_out = A.shape[0]
    m = A.shape[2]
    # dx[..., i] = Σ_{o,j} dy[..., o] A[o, i, j] z[..., j]
    dx_rows = (dy[..., None] * z[..., None, :]).reshape(-1, d_out * m)
    dx = (dx_rows @ A.transpose(1, 0, 2).reshape(n, -1).T).reshape(*ell, n)
    # dA[o, i, j] = Σ_... dy[..., o] x[..., i] z[..., j]
    part = dy[..., None] * x[..., None, :]
    dA = (part.reshape(-1, d_out * n).T @ z.reshape(-1, m)).reshape(d_out, n, m)
    # dz[..., j] = Σ_{o,i} dy[..., o] x[..., i] A[o, i, j]
    dz = (part.reshape(-1, d_out * n) @ A.reshape(-1, m)).reshape(*ell, m)
    return dx, dA, dz

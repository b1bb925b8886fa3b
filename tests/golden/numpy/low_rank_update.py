"""Low-rank update Y = X (W + s A B) of a linear map, over any leading axes (Hu et al., 2022, LoRA).

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


def low_rank_update(X, W, A, B, *, scale=1.0):
    """Low-rank update Y = X (W + s A B) of a linear map, over any leading axes (Hu et al., 2022, LoRA).

    X: (..., d_in), W: (d_in, d_out), A: (d_in, R), B: (R, d_out) -> Y: (..., d_out)
    """
    return low_rank_update_fwd(X, W, A, B, scale=scale)[0]


def low_rank_update_fwd(X, W, A, B, *, scale=1.0):
    """The output Y, and what low_rank_update_bwd needs: X, W, A, B, H."""
    scale = float(scale)
    _check("low_rank_update", X=(X, "... i"), W=(W, "i o"), A=(A, "i r"), B=(B, "r o"))
    X, W, A, B = _floating(X, W, A, B)
    ell = X.shape[:-1]
    d_in = X.shape[-1]
    d_out = W.shape[1]
    R = A.shape[1]
    # H[..., r] = Σ_i X[..., i] A[i, r]
    H = (X.reshape(-1, d_in) @ A).reshape(*ell, R)
    # Y[..., o] = Σ_i X[..., i] W[i, o] + scale Σ_r B[r, o] H[..., r]
    Y = (H.reshape(-1, R) @ (scale * B)).reshape(*ell, d_out)
    Y += (X.reshape(-1, d_in) @ W).reshape(*ell, d_out)
    return Y, (X, W, A, B, H)


def low_rank_update_bwd(residuals, dY, *, scale=1.0):
    """The gradients dX, dW, dA, dB, given the cotangent dY.

    dY: (..., d_out) -> dX: (..., d_in), dW: (d_in, d_out), dA: (d_in, R), dB: (R, d_out)
    """
    scale = float(scale)
    X, W, A, B, H = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("low_rank_update_bwd", X=(X, "... i"), W=(W, "i o"), dY=(dY, "... o"))
    ell = X.shape[:-1]
    d_in = X.shape[-1]
    d_out = W.shape[1]
    R = A.shape[1]
    # dH[..., r] = scale Σ_o dY[..., o] B[r, o]
    dH = (dY.reshape(-1, d_out) @ (scale * B).T).reshape(*ell, R)
    # dX[..., i] = Σ_o dY[..., o] W[i, o] + Σ_r A[i, r] dH[..., r]
    dX = (dH.reshape(-1, R) @ A.T).reshape(*ell, d_in)
    dX += (dY.reshape(-1, d_out) @ W.T).reshape(*ell, d_in)
    # dW[i, o] = Σ_... dY[..., o] X[..., i]
    dW = X.reshape(-1, d_in).T @ dY.reshape(-1, d_out)
    # dA[i, r] = Σ_... X[..., i] dH[..., r]
    dA = X.reshape(-1, d_in).T @ dH.reshape(-1, R)
    # dB[r, o] = scale Σ_... dY[..., o] H[..., r]
    dB = scale * (H.reshape(-1, R).T @ dY.reshape(-1, d_out))
    return dX, dW, dA, dB

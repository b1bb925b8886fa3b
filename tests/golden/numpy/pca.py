"""Reconstruction loss L = ‖X - X W Wᵀ‖² of the rows of X from K coordinates (Baldi and Hornik, 1989).

It is least where the columns of W are an orthonormal basis of the K leading principal directions of centred data.

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


def pca(X, W):
    """Reconstruction loss L = ‖X - X W Wᵀ‖² of the rows of X from K coordinates (Baldi and Hornik, 1989).

    X: (n, d), W: (d, K) -> L: scalar
    """
    return pca_fwd(X, W)[0]


def pca_fwd(X, W):
    """The output L, and what pca_bwd needs: X, W, H, R."""
    _check("pca", X=(X, "b i"), W=(W, "i k"))
    X, W = _floating(X, W)
    # H[b, k] = Σ_i X[b, i] W[i, k]
    H = X @ W
    # R[b, i] = X[b, i] - Σ_k W[i, k] H[b, k]
    R = H @ W.T
    np.subtract(X, R, out=R)
    # L = Σ_{b,i} R[b, i]²
    L = np.vdot(R, R)
    return L, (X, W, H, R)


def pca_bwd(residuals, dL):
    """The gradients dX, dW, given the cotangent dL.

    dL: scalar -> dX: (n, d), dW: (d, K)
    """
    X, W, H, R = residuals
    dL = np.asarray(dL, dtype=X.dtype)
    _check("pca_bwd", dL=(dL, ""))
    # dH[b, k] = -2 dL Σ_i W[i, k] R[b, i]
    dH = R @ (-2 * dL * W)
    # dX[b, i] = 2 dL R[b, i] + Σ_k W[i, k] dH[b, k]
    dX = dH @ W.T + 2 * dL * R
    # dW[i, k] = Σ_b X[b, i] dH[b, k] - 2 dL Σ_b H[b, k] R[b, i]
    dW = X.T @ dH - R.T @ (2 * dL * H)
    return dX, dW

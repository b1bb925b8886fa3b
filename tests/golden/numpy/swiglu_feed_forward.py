"""Feed-forward layer with a gated unit: Y = (silu(X W) ⊙ X V) U (Shazeer, 2020).

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


def _check_size(function, axis, name, size, expected):
    """Raise a ValueError unless an axis has the size that others imply."""
    if size != expected:
        raise ValueError(f"{function}: axis {axis} of {name} has size {size}, expected {expected}.")


def _sigmoid(x):
    """1 / (1 + exp(-x)); where exp overflows to inf, 1 / inf is the 0 that is wanted."""
    with np.errstate(over="ignore"):
        y = np.asarray(np.exp(-x))
    y += 1
    return np.reciprocal(y, out=y)


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def swiglu_feed_forward(X, W, V, U):
    """Feed-forward layer with a gated unit: Y = (silu(X W) ⊙ X V) U (Shazeer, 2020).

    X: (..., d), W: (d, d_h), V: (d, d_h), U: (d_h, d) -> Y: (..., d)
    """
    return swiglu_feed_forward_fwd(X, W, V, U)[0]


def swiglu_feed_forward_fwd(X, W, V, U):
    """The output Y, and what swiglu_feed_forward_bwd needs: X, W, V, U, A, S, H, Z."""
    _check("swiglu_feed_forward", X=(X, "... i"), W=(W, "i h"), V=(V, "i h"), U=(U, "h o"))
    X, W, V, U = _floating(X, W, V, U)
    ell = X.shape[:-1]
    d = X.shape[-1]
    d_h = W.shape[1]
    _check_size("swiglu_feed_forward", "o", "U", U.shape[1], d)
    # A[..., h] = Σ_i X[..., i] V[i, h]
    A = (X.reshape(-1, d) @ V).reshape(*ell, d_h)
    # B[..., h] = Σ_i X[..., i] W[i, h]
    B = (X.reshape(-1, d) @ W).reshape(*ell, d_h)
    # S[..., h] = sigmoid(B[..., h])
    S = _sigmoid(B)
    # H[..., h] = B[..., h] S[..., h]
    H = S * B
    # Z[..., h] = A[..., h] H[..., h]
    Z = A * H
    # Y[..., o] = Σ_h U[h, o] Z[..., h]
    Y = (Z.reshape(-1, d_h) @ U).reshape(*ell, d)
    return Y, (X, W, V, U, A, S, H, Z)


def swiglu_feed_forward_bwd(residuals, dY):
    """The gradients dX, dW, dV, dU, given the cotangent dY.

    dY: (..., d) -> dX: (..., d), dW: (d, d_h), dV: (d, d_h), dU: (d_h, d)
    """
    X, W, V, U, A, S, H, Z = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("swiglu_feed_forward_bwd", X=(X, "... i"), U=(U, "h o"), dY=(dY, "... o"))
    ell = X.shape[:-1]
    d = X.shape[-1]
    d_h = W.shape[1]
    # dZ[..., h] = Σ_o dY[..., o] U[h, o]
    dZ = (dY.reshape(-1, d) @ U.T).reshape(*ell, d_h)
    dB = np.empty((*ell, d_h), X.dtype)
    dA = np.empty((*ell, d_h), X.dtype)
    for at in _portions((*ell, d_h), 1):
        # dH[..., h] = A[..., h] dZ[..., h]
        dH = dZ[at] * A[at]
        # dB[..., h] = dH[..., h] (S[..., h] + H[..., h] (1 - S[..., h]))
        np.multiply(dH, S[at] + (1 - S[at]) * H[at], out=dB[at])
        # dA[..., h] = H[..., h] dZ[..., h]
        np.multiply(dZ[at], H[at], out=dA[at])
    # dX[..., i] = Σ_h W[i, h] dB[..., h] + Σ_h V[i, h] dA[..., h]
    dX = (dA.reshape(-1, d_h) @ V.T).reshape(*ell, d)
    dX += (dB.reshape(-1, d_h) @ W.T).reshape(*ell, d)
    # dW[i, h] = Σ_... X[..., i] dB[..., h]
    dW = X.reshape(-1, d).T @ dB.reshape(-1, d_h)
    # dV[i, h] = Σ_... X[..., i] dA[..., h]
    dV = X.reshape(-1, d).T @ dA.reshape(-1, d_h)
    # dU[h, o] = Σ_... dY[..., o] Z[..., h]
    dU = Z.reshape(-1, d_h).T @ dY.reshape(-1, d)
    return dX, dW, dV, dU

"""Scores Z = (E[token] W + 1 bᵀ) Eᵀ of words, with one table for input and output (Press and Wolf, 2017).

Each gradient is shaped like its variable: dE like E.
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


def _check_positions(function, name, array, size):
    """An integer array, whose entries are positions along an axis of that size; ValueError where they are not."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{function}: {name} is an array of {array.dtype}, expected integers.")
    if array.size and not 0 <= array.min() <= array.max() < size:
        raise ValueError(f"{function}: {name} runs from {array.min()} to {array.max()}, expected 0 to {size - 1}.")
    return array


def _add_at(rows, positions, size, behind=0, summed=None):
    """The array A with A[..., positions, :] += rows; of several rows at one position, the sum.

    The last `behind` axes of `rows` are those of a row, the `summed` before them (all of them by default) give way to
    one axis of that size.
    """
    split = rows.ndim - behind
    front, places, row = rows.shape[: split - summed] if summed else (), rows.shape[:split], rows.shape[split:]
    result = np.zeros((*front, size, *row), rows.dtype)
    width = math.prod(row)
    start = size * np.arange(math.prod(front)).reshape((*front, *(1,) * (split - len(front))))
    flat = width * np.broadcast_to(start + positions, places)[..., None] + np.arange(width)
    # Of one axis, ufunc.at is several times as fast as of rows.
    np.add.at(result.reshape(-1), flat.reshape(-1), rows.reshape(-1))
    return result


def embedding(token, E):
    """Embedding Y[t] = E[token[t]]: a row of the table for each token (Bengio et al., 2003).

    token: (..., n), E: (V, D) -> Y: (..., n, D)
    """
    return embedding_fwd(token, E)[0]


def embedding_fwd(token, E):
    """The output Y, and what embedding_bwd needs: token, E."""
    _check("embedding", token=(token, "... t"), E=(E, "v d"))
    (E,) = _floating(E)
    V = E.shape[0]
    token = _check_positions("embedding", "token", token, V)
    # Y[..., t, d] = E[token[..., t], d]
    Y = E[token]
    return Y, (token, E)


def embedding_bwd(residuals, dY):
    """The gradient dE, given the cotangent dY.

    dY: (..., n, D) -> dE: (V, D)
    """
    token, E = residuals
    dY = np.asarray(dY, dtype=E.dtype)
    _check("embedding_bwd", token=(token, "... t"), E=(E, "v d"), dY=(dY, "... t d"))
    V = E.shape[0]
    # dE[v, d] = Σ_{...,t} dY[..., t, d] [v = token[..., t]]
    dE = _add_at(dY, token, V, behind=1)
    return dE


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


def tied_embedding(token, E, W, b):
    """Scores Z = (E[token] W + 1 bᵀ) Eᵀ of words, with one table for input and output (Press and Wolf, 2017).

    token: (..., n), E: (V, D), W: (D, D), b: (D,) -> Z: (..., n, V)
    """
    return tied_embedding_fwd(token, E, W, b)[0]


def tied_embedding_fwd(token, E, W, b):
    """The output Z, and what tied_embedding_bwd needs: token, E, W, X, H."""
    _check("tied_embedding", token=(token, "... t"), E=(E, "v d"), W=(W, "d e"), b=(b, "e"))
    E, W, b = _floating(E, W, b)
    ell = token.shape[:-1]
    n = token.shape[-1]
    V, D = E.shape
    _check_size("tied_embedding", "e", "W", W.shape[1], D)
    token = _check_positions("tied_embedding", "token", token, V)
    X = embedding(token, E)
    H = linear(X, W, b)
    # Z[..., t, w] = Σ_e E[w, e] H[..., t, e]
    Z = (H.reshape(-1, D) @ E.T).reshape(*ell, n, V)
    return Z, (token, E, W, X, H)


def tied_embedding_bwd(residuals, dZ):
    """The gradients dE, dW, db, given the cotangent dZ.

    dZ: (..., n, V) -> dE: (V, D), dW: (D, D), db: (D,)
    """
    token, E, W, X, H = residuals
    dZ = np.asarray(dZ, dtype=E.dtype)
    _check("tied_embedding_bwd", token=(token, "... t"), dZ=(dZ, "... t w"))
    ell = token.shape[:-1]
    n = token.shape[-1]
    V, D = E.shape
    _check_size("tied_embedding_bwd", "w", "dZ", dZ.shape[-1], V)
    # dH[..., t, e] = Σ_w dZ[..., t, w] E[w, e]
    dH = (dZ.reshape(-1, V) @ E).reshape(*ell, n, D)
    dX, dW, db = linear_bwd((X, W), dH)
    dE_X = embedding_bwd((token, E), dX)
    # dE[v, d] = Σ_{...,t} dZ[..., t, v] H[..., t, d] + dE_X[v, d]
    dE = dZ.reshape(-1, V).T @ H.reshape(-1, D) + dE_X
    return dE, dW, db

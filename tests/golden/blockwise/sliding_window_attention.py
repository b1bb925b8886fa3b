"""Attention of query i to the i-th key and the `window` keys before it (Beltagy et al., Longformer, 2020).

A query behind the last key may have none in its window: where no j fits, P = 0 and O = 0.

Each gradient is shaped like its variable: dQ like Q.
... stands for any number of leading axes.
"""

# ruff: noqa: E741, RUF100 (the names are those of the equations)

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


def _check_option(function, name, value, least):
    """Raise a ValueError unless an option is an integer that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{function}: {name} is {value!r}, expected an integer of at least {least}.")


def _blocks(stop, block, start=0):
    """Slices of at most so many positions, one after the other, from start to stop."""
    return [slice(first, min(first + block, stop)) for first in range(start, stop, block)]


def sliding_window_attention(Q, K, V, *, window=1, block=256):
    """Attention of query i to the i-th key and the `window` keys before it (Beltagy et al., Longformer, 2020).

    Q: (..., n, d_k), K: (..., m, d_k), V: (..., m, d_v) -> O: (..., n, d_v)
    """
    return sliding_window_attention_fwd(Q, K, V, window=window, block=block)[0]


def sliding_window_attention_fwd(Q, K, V, *, window=1, block=256):
    """The output O, and what sliding_window_attention_bwd needs: Q, K, V, L, O."""
    _check_option("sliding_window_attention", "window", window, 0)
    _check_option("sliding_window_attention", "block", block, 1)
    _check("sliding_window_attention", Q=(Q, "... i d"), K=(K, "... j d"), V=(V, "... j e"))
    Q, K, V = _floating(Q, K, V)
    ell = Q.shape[:-2]
    n, d_k = Q.shape[-2:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    M = np.full((*ell, n), np.finfo(Q.dtype).min, Q.dtype)
    Z = np.zeros((*ell, n), Q.dtype)
    K_scaled = K / math.sqrt(d_k)
    O = np.zeros((*ell, n, d_v), Q.dtype)
    for at in np.ndindex(ell):
        for i in _blocks(n, block):
            for j in _blocks(min(m, i.stop), block, start=max(0, i.start - window)):
                # S[..., i, j] = Σ_d Q[..., i, d] K[..., j, d] / √d_k
                S = K_scaled[*at, j] @ Q[*at, i].T
                if i.start < j.stop - 1:
                    np.copyto(S, -np.inf, where=np.arange(i.start, i.stop) < np.arange(j.start, j.stop)[:, None])
                if j.start + window < i.stop - 1:
                    np.copyto(
                        S, -np.inf, where=(np.arange(j.start, j.stop) + window)[:, None] < np.arange(i.start, i.stop)
                    )
                # online softmax: M is the largest so far, Z = Σ E, and P = E / Z in the end
                M_new = np.maximum(M[*at, i], S.max(axis=0))
                S -= M_new
                E = np.exp(S, out=S)
                rescale = np.exp(M[*at, i] - M_new)
                M[*at, i] = M_new
                Z[*at, i] *= rescale
                Z[*at, i] += E.sum(axis=0)
                # O[..., i, e] = Σ_j V[..., j, e] P[..., i, j]
                O[*at, i] *= rescale[:, None]
                O[*at, i] += E.T @ V[*at, j]
    Z = np.where(Z > 0, Z, 1)
    O /= Z[..., None]
    # L[..., i] = log(Σ_k exp(S[..., i, k]) [i ≤ k + window] [k ≤ i])
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    L = M + np.log(Z)
    return O, (Q, K, V, L, O)


def sliding_window_attention_bwd(residuals, dO, *, window=1, block=256):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., n, d_v) -> dQ: (..., n, d_k), dK: (..., m, d_k), dV: (..., m, d_v)
    """
    _check_option("sliding_window_attention_bwd", "window", window, 0)
    _check_option("sliding_window_attention_bwd", "block", block, 1)
    Q, K, V, L, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("sliding_window_attention_bwd", O=(O, "... i e"), dO=(dO, "... i e"))
    ell = Q.shape[:-2]
    n, d_k = Q.shape[-2:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    # delta[..., i] = Σ_e dO[..., i, e] O[..., i, e]
    delta = np.einsum("...ie,...ie->...i", dO, O)
    dQ = np.zeros((*ell, n, d_k), Q.dtype)
    dK = np.zeros((*ell, m, d_k), Q.dtype)
    dV = np.zeros((*ell, m, d_v), Q.dtype)
    K_scaled = K / math.sqrt(d_k)
    Q_scaled = Q / math.sqrt(d_k)
    for at in np.ndindex(ell):
        for i in _blocks(n, block):
            for j in _blocks(min(m, i.stop), block, start=max(0, i.start - window)):
                # S[..., i, j] = Σ_d Q[..., i, d] K[..., j, d] / √d_k
                S = K_scaled[*at, j] @ Q[*at, i].T
                # P[..., i, j] = exp(S[..., i, j] - L[..., i]) [i ≤ j + window] [j ≤ i]
                S -= L[*at, i]
                if i.start < j.stop - 1:
                    np.copyto(S, -np.inf, where=np.arange(i.start, i.stop) < np.arange(j.start, j.stop)[:, None])
                if j.start + window < i.stop - 1:
                    np.copyto(
                        S, -np.inf, where=(np.arange(j.start, j.stop) + window)[:, None] < np.arange(i.start, i.stop)
                    )
                P = np.exp(S, out=S)
                # dS[..., i, j] = P[..., i, j] (Σ_e dO[..., i, e] V[..., j, e] - delta[..., i])
                dS = V[*at, j] @ dO[*at, i].T
                dS -= delta[*at, i]
                dS *= P
                # dQ[..., i, d] = Σ_j K[..., j, d] dS[..., i, j] / √d_k
                dQ[*at, i] += dS.T @ K_scaled[*at, j]
                # dK[..., j, d] = Σ_i Q[..., i, d] dS[..., i, j] / √d_k
                dK[*at, j] += dS @ Q_scaled[*at, i]
                # dV[..., j, e] = Σ_i dO[..., i, e] P[..., i, j]
                dV[*at, j] += P @ dO[*at, i]
    return dQ, dK, dV

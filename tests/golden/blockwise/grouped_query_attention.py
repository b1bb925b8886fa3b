"""Grouped-query attention: query head (g, r) sees keys and values of group g (Ainslie et al., 2023).

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


def grouped_query_attention(Q, K, V, *, block=256):
    """Grouped-query attention: query head (g, r) sees keys and values of group g (Ainslie et al., 2023).

    Q: (..., G, R, n, d_k), K: (..., G, m, d_k), V: (..., G, m, d_v) -> O: (..., G, R, n, d_v)
    """
    return grouped_query_attention_fwd(Q, K, V, block=block)[0]


def grouped_query_attention_fwd(Q, K, V, *, block=256):
    """The output O, and what grouped_query_attention_bwd needs: Q, K, V, L, O."""
    _check_option("grouped_query_attention", "block", block, 1)
    _check("grouped_query_attention", Q=(Q, "... g r i d"), K=(K, "... g j d"), V=(V, "... g j e"))
    Q, K, V = _floating(Q, K, V)
    ell = Q.shape[:-4]
    G, R, n, d_k = Q.shape[-4:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    M = np.full((*ell, G, R, n), np.finfo(Q.dtype).min, Q.dtype)
    Z = np.zeros((*ell, G, R, n), Q.dtype)
    K_scaled = K / math.sqrt(d_k)
    O = np.zeros((*ell, G, R, n, d_v), Q.dtype)
    for *at, g, r in np.ndindex(*ell, G, R):
        for i in _blocks(n, block):
            for j in _blocks(m, block):
                # S[..., g, r, i, j] = Σ_d Q[..., g, r, i, d] K[..., g, j, d] / √d_k
                S = K_scaled[*at, g, j] @ Q[*at, g, r, i].T
                # online softmax: M is the largest so far, Z = Σ E, and P = E / Z in the end
                M_new = np.maximum(M[*at, g, r, i], S.max(axis=0))
                S -= M_new
                E = np.exp(S, out=S)
                rescale = np.exp(M[*at, g, r, i] - M_new)
                M[*at, g, r, i] = M_new
                Z[*at, g, r, i] *= rescale
                Z[*at, g, r, i] += E.sum(axis=0)
                # O[..., g, r, i, e] = Σ_j V[..., g, j, e] P[..., g, r, i, j]
                O[*at, g, r, i] *= rescale[:, None]
                O[*at, g, r, i] += E.T @ V[*at, g, j]
    O /= Z[..., None]
    # L[..., g, r, i] = log(Σ_k exp(S[..., g, r, i, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    L = M + np.log(Z)
    return O, (Q, K, V, L, O)


def grouped_query_attention_bwd(residuals, dO, *, block=256):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., G, R, n, d_v) -> dQ: (..., G, R, n, d_k), dK: (..., G, m, d_k), dV: (..., G, m, d_v)
    """
    _check_option("grouped_query_attention_bwd", "block", block, 1)
    Q, K, V, L, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("grouped_query_attention_bwd", O=(O, "... g r i e"), dO=(dO, "... g r i e"))
    ell = Q.shape[:-4]
    G, R, n, d_k = Q.shape[-4:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    # delta[..., g, r, i] = Σ_e dO[..., g, r, i, e] O[..., g, r, i, e]
    delta = np.einsum("...grie,...grie->...gri", dO, O)
    dQ = np.zeros((*ell, G, R, n, d_k), Q.dtype)
    dK = np.zeros((*ell, G, m, d_k), Q.dtype)
    dV = np.zeros((*ell, G, m, d_v), Q.dtype)
    K_scaled = K / math.sqrt(d_k)
    Q_scaled = Q / math.sqrt(d_k)
    for *at, g, r in np.ndindex(*ell, G, R):
        for i in _blocks(n, block):
            for j in _blocks(m, block):
                # S[..., g, r, i, j] = Σ_d Q[..., g, r, i, d] K[..., g, j, d] / √d_k
                S = K_scaled[*at, g, j] @ Q[*at, g, r, i].T
                # P[..., g, r, i, j] = exp(S[..., g, r, i, j] - L[..., g, r, i])
                S -= L[*at, g, r, i]
                P = np.exp(S, out=S)
                # dS[..., g, r, i, j] = P[..., g, r, i, j] (Σ_e dO[..., g, r, i, e] V[..., g, j,
                #     e] - delta[..., g, r, i])
                dS = V[*at, g, j] @ dO[*at, g, r, i].T
                dS -= delta[*at, g, r, i]
                dS *= P
                # dQ[..., g, r, i, d] = Σ_j K[..., g, j, d] dS[..., g, r, i, j] / √d_k
                dQ[*at, g, r, i] += dS.T @ K_scaled[*at, g, j]
                # dK[..., g, j, d] = Σ_{r,i} Q[..., g, r, i, d] dS[..., g, r, i, j] / √d_k
                dK[*at, g, j] += dS @ Q_scaled[*at, g, r, i]
                # dV[..., g, j, e] = Σ_{r,i} dO[..., g, r, i, e] P[..., g, r, i, j]
                dV[*at, g, j] += P @ dO[*at, g, r, i]
    return dQ, dK, dV

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


def grouped_query_attention(Q, K, V):
    """Grouped-query attention: query head (g, r) sees keys and values of group g (Ainslie et al., 2023).

    Q: (..., G, R, n, d_k), K: (..., G, m, d_k), V: (..., G, m, d_v) -> O: (..., G, R, n, d_v)
    """
    return grouped_query_attention_fwd(Q, K, V)[0]


def grouped_query_attention_fwd(Q, K, V):
    """The output O, and what grouped_query_attention_bwd needs: Q, K, V, E, Z, O."""
    _check("grouped_query_attention", Q=(Q, "... g r i d"), K=(K, "... g j d"), V=(V, "... g j e"))
    Q, K, V = _floating(Q, K, V)
    ell = Q.shape[:-4]
    G, R, n, d_k = Q.shape[-4:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    # S[..., g, r, i, j] = Σ_d Q[..., g, r, i, d] K[..., g, j, d] / √d_k
    S = (Q.reshape(*ell, G, R * n, d_k) @ (K / math.sqrt(d_k)).mT).reshape(*ell, G, R, n, m)
    # E[..., g, r, i, j] = exp(S[..., g, r, i, j] - max_k1 (S[..., g, r, i, k1]))
    S -= S.max(axis=-1, keepdims=True, initial=-np.inf)
    E = np.exp(S, out=S)
    # Z[..., g, r, i] = Σ_k E[..., g, r, i, k]
    Z = E.sum(axis=-1)
    # O[..., g, r, i, e] = Σ_j V[..., g, j, e] E[..., g, r, i, j] / Z[..., g, r, i]
    O = (E.reshape(*ell, G, R * n, m) @ V).reshape(*ell, G, R, n, d_v)
    O /= Z[..., None]
    return O, (Q, K, V, E, Z, O)


def grouped_query_attention_bwd(residuals, dO):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., G, R, n, d_v) -> dQ: (..., G, R, n, d_k), dK: (..., G, m, d_k), dV: (..., G, m, d_v)
    """
    Q, K, V, E, Z, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("grouped_query_attention_bwd", O=(O, "... g r i e"), dO=(dO, "... g r i e"))
    ell = Q.shape[:-4]
    G, R, n, d_k = Q.shape[-4:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    # dO_scaled[..., g, r, i, e] = dO[..., g, r, i, e] / Z[..., g, r, i]
    dO_scaled = dO / Z[..., None]
    # delta[..., g, r, i] = Σ_e dO[..., g, r, i, e] O[..., g, r, i, e]
    delta = np.einsum("...grie,...grie->...gri", dO, O)
    # dS[..., g, r, i, j] = E[..., g, r, i, j] (Σ_e V[..., g, j, e] dO_scaled[..., g, r, i, e] -
    #     delta[..., g, r, i] / Z[..., g, r, i])
    dS = (dO_scaled.reshape(*ell, G, R * n, d_v) @ V.mT).reshape(*ell, G, R, n, m)
    dS -= (delta / Z)[..., None]
    dS *= E
    # dQ[..., g, r, i, d] = Σ_j K[..., g, j, d] dS[..., g, r, i, j] / √d_k
    dQ = (dS.reshape(*ell, G, R * n, m) @ (K / math.sqrt(d_k))).reshape(*ell, G, R, n, d_k)
    # dK[..., g, j, d] = Σ_{r,i} Q[..., g, r, i, d] dS[..., g, r, i, j] / √d_k
    dK = dS.reshape(*ell, G, R * n, m).mT @ Q.reshape(*ell, G, R * n, d_k) / math.sqrt(d_k)
    # dV[..., g, j, e] = Σ_{r,i} E[..., g, r, i, j] dO_scaled[..., g, r, i, e]
    dV = E.reshape(*ell, G, R * n, m).mT @ dO_scaled.reshape(*ell, G, R * n, d_v)
    return dQ, dK, dV

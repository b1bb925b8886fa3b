"""Multi-query attention: many heads of queries, one of keys and values (Shazeer, 2019).

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


def multi_query_attention(Q, K, V):
    """Multi-query attention: many heads of queries, one of keys and values (Shazeer, 2019).

    Q: (..., H, n, d_k), K: (..., m, d_k), V: (..., m, d_v) -> O: (..., H, n, d_v)
    """
    return multi_query_attention_fwd(Q, K, V)[0]


def multi_query_attention_fwd(Q, K, V):
    """The output O, and what multi_query_attention_bwd needs: Q, K, V, E, Z, O."""
    _check("multi_query_attention", Q=(Q, "... h i d"), K=(K, "... j d"), V=(V, "... j e"))
    Q, K, V = _floating(Q, K, V)
    ell = Q.shape[:-3]
    H, n, d_k = Q.shape[-3:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    # S[..., h, i, j] = Σ_d Q[..., h, i, d] K[..., j, d] / √d_k
    S = (Q.reshape(*ell, H * n, d_k) @ (K / math.sqrt(d_k)).mT).reshape(*ell, H, n, m)
    # E[..., h, i, j] = exp(S[..., h, i, j] - max_k1 (S[..., h, i, k1]))
    S -= S.max(axis=-1, keepdims=True, initial=-np.inf)
    E = np.exp(S, out=S)
    # Z[..., h, i] = Σ_k E[..., h, i, k]
    Z = E.sum(axis=-1)
    # O[..., h, i, e] = Σ_j V[..., j, e] E[..., h, i, j] / Z[..., h, i]
    O = (E.reshape(*ell, H * n, m) @ V).reshape(*ell, H, n, d_v)
    O /= Z[..., None]
    return O, (Q, K, V, E, Z, O)


def multi_query_attention_bwd(residuals, dO):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., H, n, d_v) -> dQ: (..., H, n, d_k), dK: (..., m, d_k), dV: (..., m, d_v)
    """
    Q, K, V, E, Z, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("multi_query_attention_bwd", O=(O, "... h i e"), dO=(dO, "... h i e"))
    ell = Q.shape[:-3]
    H, n, d_k = Q.shape[-3:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    # dO_scaled[..., h, i, e] = dO[..., h, i, e] / Z[..., h, i]
    dO_scaled = dO / Z[..., None]
    # delta[..., h, i] = Σ_e dO[..., h, i, e] O[..., h, i, e]
    delta = np.einsum("...hie,...hie->...hi", dO, O)
    # dS[..., h, i, j] = E[..., h, i, j] (Σ_e V[..., j, e] dO_scaled[..., h, i, e] - delta[...,
    #     h, i] / Z[..., h, i])
    dS = (dO_scaled.reshape(*ell, H * n, d_v) @ V.mT).reshape(*ell, H, n, m)
    dS -= (delta / Z)[..., None]
    dS *= E
    # dQ[..., h, i, d] = Σ_j K[..., j, d] dS[..., h, i, j] / √d_k
    dQ = (dS.reshape(*ell, H * n, m) @ (K / math.sqrt(d_k))).reshape(*ell, H, n, d_k)
    # dK[..., j, d] = Σ_{h,i} Q[..., h, i, d] dS[..., h, i, j] / √d_k
    dK = dS.reshape(*ell, H * n, m).mT @ Q.reshape(*ell, H * n, d_k) / math.sqrt(d_k)
    # dV[..., j, e] = Σ_{h,i} E[..., h, i, j] dO_scaled[..., h, i, e]
    dV = E.reshape(*ell, H * n, m).mT @ dO_scaled.reshape(*ell, H * n, d_v)
    return dQ, dK, dV

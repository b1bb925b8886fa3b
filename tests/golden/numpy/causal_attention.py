"""Causal attention: each query sees the keys up to its own place (Vaswani et al., 2017, §3.2.3).

Query i stands at place i + past: there may be `past` keys from steps before, as in a cache.

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def causal_attention(Q, K, V, *, past=0):
    """Causal attention: each query sees the keys up to its own place (Vaswani et al., 2017, §3.2.3).

    Q: (..., n, d_k), K: (..., m, d_k), V: (..., m, d_v) -> O: (..., n, d_v)
    """
    return causal_attention_fwd(Q, K, V, past=past)[0]


def causal_attention_fwd(Q, K, V, *, past=0):
    """The output O, and what causal_attention_bwd needs: Q, K, V, E, Z, O."""
    _check_option("causal_attention", "past", past, 0)
    _check("causal_attention", Q=(Q, "... i d"), K=(K, "... j d"), V=(V, "... j e"))
    Q, K, V = _floating(Q, K, V)
    ell = Q.shape[:-2]
    n, d_k = Q.shape[-2:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    mask = (np.arange(n) + past)[:, None] < np.arange(m)
    E = np.empty((*ell, n, m), Q.dtype)
    Z = np.empty((*ell, n), Q.dtype)
    O = np.empty((*ell, n, d_v), Q.dtype)
    for at in _portions(ell, n * m):
        # S[..., i, j] = Σ_d Q[..., i, d] K[..., j, d] / √d_k
        np.matmul(Q[at] / math.sqrt(d_k), K[at].mT, out=E[at])
        # E[..., i, j] = exp(S[..., i, j] - max_k1 (S[..., i, k1] + log([k1 ≤ i + past]))) [j ≤
        #     i + past]
        np.copyto(E[at], -np.inf, where=mask)
        E[at] -= E[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(E[at], out=E[at])
        # Z[..., i] = Σ_k E[..., i, k]
        Z[at] = E[at].sum(axis=-1)
        # O[..., i, e] = Σ_j V[..., j, e] E[..., i, j] / Z[..., i]
        np.matmul(E[at], V[at], out=O[at])
        O[at] /= Z[at][..., None]
    return O, (Q, K, V, E, Z, O)


def causal_attention_bwd(residuals, dO, *, past=0):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., n, d_v) -> dQ: (..., n, d_k), dK: (..., m, d_k), dV: (..., m, d_v)
    """
    _check_option("causal_attention_bwd", "past", past, 0)
    Q, K, V, E, Z, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("causal_attention_bwd", O=(O, "... i e"), dO=(dO, "... i e"))
    ell = Q.shape[:-2]
    n, d_k = Q.shape[-2:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    dQ = np.empty((*ell, n, d_k), Q.dtype)
    dK = np.empty((*ell, m, d_k), Q.dtype)
    dV = np.empty((*ell, m, d_v), Q.dtype)
    for at in _portions(ell, n * m):
        # dO_scaled[..., i, e] = dO[..., i, e] / Z[..., i]
        dO_scaled = dO[at] / Z[at][..., None]
        # delta[..., i] = Σ_e dO[..., i, e] O[..., i, e]
        delta = np.einsum("...ie,...ie->...i", dO[at], O[at])
        # dS[..., i, j] = E[..., i, j] (Σ_e V[..., j, e] dO_scaled[..., i, e] - delta[..., i] /
        #     Z[..., i])
        dS = dO_scaled @ V[at].mT
        dS -= (delta / Z[at])[..., None]
        dS *= E[at]
        # dQ[..., i, d] = Σ_j K[..., j, d] dS[..., i, j] / √d_k
        np.matmul(dS, K[at] / math.sqrt(d_k), out=dQ[at])
        # dK[..., j, d] = Σ_i Q[..., i, d] dS[..., i, j] / √d_k
        np.matmul(dS.mT, Q[at] / math.sqrt(d_k), out=dK[at])
        # dV[..., j, e] = Σ_i E[..., i, j] dO_scaled[..., i, e]
        np.matmul(E[at].mT, dO_scaled, out=dV[at])
    return dQ, dK, dV

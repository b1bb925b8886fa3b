"""Attention with linear biases: S = Q Kᵀ / √d_k + μ[h] (j - i) for j ≤ i (Press, Smith and Lewis, ALiBi, 2022).

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def alibi_attention(Q, K, V, slope):
    """Attention with linear biases: S = Q Kᵀ / √d_k + μ[h] (j - i) for j ≤ i (Press, Smith and Lewis, ALiBi, 2022).

    Q: (..., H, n, d_k), K: (..., H, m, d_k), V: (..., H, m, d_v), slope: (H,)
    -> O: (..., H, n, d_v)
    """
    return alibi_attention_fwd(Q, K, V, slope)[0]


def alibi_attention_fwd(Q, K, V, slope):
    """The output O, and what alibi_attention_bwd needs: Q, K, V, E, Z, O."""
    _check(
        "alibi_attention",
        Q=(Q, "... h i d"),
        K=(K, "... h j d"),
        V=(V, "... h j e"),
        slope=(slope, "h"),
    )
    Q, K, V, slope = _floating(Q, K, V, slope)
    ell = Q.shape[:-3]
    H, n, d_k = Q.shape[-3:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    part = slope[:, None, None] * (np.arange(m) - np.arange(n)[:, None]).astype(Q.dtype)
    mask = np.arange(n)[:, None] < np.arange(m)
    E = np.empty((*ell, H, n, m), Q.dtype)
    Z = np.empty((*ell, H, n), Q.dtype)
    O = np.empty((*ell, H, n, d_v), Q.dtype)
    for at in _portions(ell, H * n * m):
        # S[..., h, i, j] = Σ_d Q[..., h, i, d] K[..., h, j, d] / √d_k + slope[h] (j - i)
        np.matmul(Q[at] / math.sqrt(d_k), K[at].mT, out=E[at])
        E[at] += part
        # E[..., h, i, j] = exp(S[..., h, i, j] - max_k1 (S[..., h, i, k1] + log([k1 ≤ i]))) [j
        #     ≤ i]
        np.copyto(E[at], -np.inf, where=mask)
        E[at] -= E[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(E[at], out=E[at])
        # Z[..., h, i] = Σ_k E[..., h, i, k]
        Z[at] = E[at].sum(axis=-1)
        # O[..., h, i, e] = Σ_j V[..., h, j, e] E[..., h, i, j] / Z[..., h, i]
        np.matmul(E[at], V[at], out=O[at])
        O[at] /= Z[at][..., None]
    return O, (Q, K, V, E, Z, O)


def alibi_attention_bwd(residuals, dO):
    """The gradients dQ, dK, dV, dslope, given the cotangent dO.

    dO: (..., H, n, d_v)
    -> dQ: (..., H, n, d_k), dK: (..., H, m, d_k), dV: (..., H, m, d_v), dslope: (H,)
    """
    Q, K, V, E, Z, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("alibi_attention_bwd", O=(O, "... h i e"), dO=(dO, "... h i e"))
    ell = Q.shape[:-3]
    H, n, d_k = Q.shape[-3:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    dS = np.empty((*ell, H, n, m), Q.dtype)
    dQ = np.empty((*ell, H, n, d_k), Q.dtype)
    dK = np.empty((*ell, H, m, d_k), Q.dtype)
    dV = np.empty((*ell, H, m, d_v), Q.dtype)
    for at in _portions((*ell, H), n * m):
        # dO_scaled[..., h, i, e] = dO[..., h, i, e] / Z[..., h, i]
        dO_scaled = dO[at] / Z[at][..., None]
        # delta[..., h, i] = Σ_e dO[..., h, i, e] O[..., h, i, e]
        delta = np.einsum("...hie,...hie->...hi", dO[at], O[at])
        # dS[..., h, i, j] = E[..., h, i, j] (Σ_e V[..., h, j, e] dO_scaled[..., h, i, e] -
        #     delta[..., h, i] / Z[..., h, i])
        np.matmul(dO_scaled, V[at].mT, out=dS[at])
        dS[at] -= (delta / Z[at])[..., None]
        dS[at] *= E[at]
        # dQ[..., h, i, d] = Σ_j K[..., h, j, d] dS[..., h, i, j] / √d_k
        np.matmul(dS[at], K[at] / math.sqrt(d_k), out=dQ[at])
        # dK[..., h, j, d] = Σ_i Q[..., h, i, d] dS[..., h, i, j] / √d_k
        np.matmul(dS[at].mT, Q[at] / math.sqrt(d_k), out=dK[at])
        # dV[..., h, j, e] = Σ_i E[..., h, i, j] dO_scaled[..., h, i, e]
        np.matmul(E[at].mT, dO_scaled, out=dV[at])
    # dslope[h] = Σ_{...,i,j} dS[..., h, i, j] (j - i)
    dslope_part = (np.arange(m) - np.arange(n)[:, None]).astype(Q.dtype).reshape(-1)
    dslope = dS.reshape(-1, H, n, m).sum(axis=0).reshape(H, -1) @ dslope_part
    return dQ, dK, dV, dslope
